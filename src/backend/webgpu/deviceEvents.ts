/**
 * How the backend gets the device's answers. In Node Dawn needs turns of the event loop for them; in a browser they
 * come by themselves.
 */
export interface DeviceEvents {
  /** Runs something that calls the device and may start asynchronous work. */
  during<T>(call: () => T): T;
  /**
   * Blocks until the condition holds. Absent where a program cannot wait so: tensors are then read asynchronously only.
   */
  waitFor?(isDone: () => boolean): void;
  /** Calls back in the next turn of the event loop; absent where nothing has to be freed between turns. */
  afterTurn?(callback: () => void): void;
}
