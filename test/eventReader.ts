import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import protobuf from 'protobufjs';
import { tfRecord } from '../src/run/tensorboard/record.js';

// the messages as TensorFlow defines them, read by protobufjs
const { root } = protobuf.parse(
  `
  syntax = "proto3";
  message Event { double wall_time = 1; int64 step = 2; oneof what { string file_version = 3; Summary summary = 5; SessionLog session_log = 7; } }
  message SessionLog { enum SessionStatus { STATUS_UNSPECIFIED = 0; START = 1; STOP = 2; CHECKPOINT = 3; } SessionStatus status = 1; }
  message Summary { message Value { string tag = 1; oneof value { float simple_value = 2; HistogramProto histo = 5; } } repeated Value value = 1; }
  message HistogramProto { double min = 1; double max = 2; double num = 3; double sum = 4; double sum_squares = 5;
    repeated double bucket_limit = 6 [packed = true]; repeated double bucket = 7 [packed = true]; }
`,
  { keepCase: true },
);
const eventType = root.lookupType('Event');

export interface Event {
  wall_time: number;
  step: number;
  file_version?: string;
  session_log?: { status: string };
  summary?: { value: { tag: string; simple_value?: number; histo?: Record<string, unknown> }[] };
}

/** Events of a TensorBoard file; framing and checksums are asserted. */
export function readEvents(path: string): Event[] {
  const bytes = readFileSync(path);
  const events: Event[] = [];
  for (let at = 0; at < bytes.length;) {
    const length = Number(bytes.readBigUInt64LE(at));
    const data = bytes.subarray(at + 12, at + 12 + length);
    assert.deepEqual(Buffer.from(tfRecord(data)), bytes.subarray(at, at + 16 + length));
    events.push(eventType.toObject(eventType.decode(data), { longs: Number, enums: String }) as Event);
    at += 16 + length;
  }
  return events;
}
