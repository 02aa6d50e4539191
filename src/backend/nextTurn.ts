/** What of Node's globals and of the browser's we use; a program has either. */
const scope = globalThis as unknown as {
  setImmediate?: (callback: () => void) => void;
  MessageChannel: new () => { port1: Port; port2: Port };
};

interface Port {
  onmessage: (() => void) | null;
  postMessage(message: null): void;
  close(): void;
}

/**
 * Waits for the next turn of the event loop: timers, signals and messages get in before. A browser delays nested timers
 * by milliseconds, so there it is a message.
 */
export function nextTurn(): Promise<void> {
  if (scope.setImmediate !== undefined) return new Promise((resolve) => scope.setImmediate!(resolve));
  return new Promise((resolve) => {
    const { port1, port2 } = new scope.MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(null);
  });
}
