import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readlinkSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { ColdstartError } from '../errors.js';
import { checkOutputs, checkPlace } from './checkOutputs.js';
import { makeFolder } from './makeFolder.js';

test('makes missing folders, keeps existing ones, and names the folder that cannot be made', () => {
  const folder = mkdtempSync(join(tmpdir(), 'coldstart-folder-'));
  try {
    makeFolder(join(folder, 'a/b/c'));
    makeFolder(join(folder, 'a/b/c'));
    assert.ok(statSync(join(folder, 'a/b/c')).isDirectory());
    writeFileSync(join(folder, 'file'), '');
    assert.throws(
      () => makeFolder(join(folder, 'file/below')),
      (error: Error) =>
        error instanceof ColdstartError && error.message.includes(`folder ${join(folder, 'file')} cannot be made`),
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('a link to something that does not exist is named with its target, and stays', () => {
  const folder = mkdtempSync(join(tmpdir(), 'coldstart-folder-'));
  try {
    const link = join(folder, 'link');
    symlinkSync('/nowhere/else', link);
    const message = `${link} is a link to /nowhere/else, which does not exist. Make what it points to, or remove the link.`;
    for (const refused of [
      () => makeFolder(link),
      () => makeFolder(join(link, 'below')),
      () => checkPlace(link),
      () => checkPlace(join(link, 'below')),
      () => checkOutputs([link]),
    ])
      assert.throws(refused, { code: 'WRITE_FAILED', message });
    assert.equal(readlinkSync(link), '/nowhere/else');
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test(
  'a place where nothing can be made gives an error, not a loop',
  { skip: existsSync('/proc/self') ? false : 'no /proc here' },
  () => {
    assert.throws(
      () => makeFolder('/proc/coldstart/x'),
      (error: Error) => error instanceof ColdstartError && error.message.includes('/proc/coldstart'),
    );
  },
);
