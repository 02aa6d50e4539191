// The part of the WebAssembly interface used here. TypeScript declares it among the browser's types only.
declare namespace WebAssembly {
  class Memory {
    constructor(descriptor: { initial: number });
    readonly buffer: ArrayBuffer;
  }
  class Instance {
    readonly exports: Record<string, unknown>;
  }
  interface WebAssemblyInstantiatedSource {
    readonly instance: Instance;
  }
  let instantiate: (
    source: Uint8Array,
    imports?: Record<string, Record<string, unknown>>,
  ) => Promise<WebAssemblyInstantiatedSource>;
}
