import type { ModelFlags } from './modelFlags.js';

export interface TranslateFlags extends ModelFlags {
  beam?: number;
  lenpen?: number;
  nbest?: number;
  tokenized?: boolean;
  scoreTarget?: string;
  buffer?: number;
  maxSourceTokens?: number;
  input?: string;
  output?: string;
  backend: string;
  json?: boolean;
}
