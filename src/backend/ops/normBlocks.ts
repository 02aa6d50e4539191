/** Elements of a tensor whose squares are added up at a time. A tensor's last block may have fewer. */
export const normBlock = 8192;

/** The blocks of a tensor of this size. */
export const numNormBlocks = (size: number): number => Math.ceil(size / normBlock);
