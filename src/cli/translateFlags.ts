export interface TranslateFlags {
  run: string[];
  checkpoint: string[];
  text?: string;
  use?: 'best' | 'last' | 'average';
  beam?: number;
  lenpen?: number;
  nbest: number;
  tokenized?: boolean;
  scoreTarget?: string;
  buffer?: number;
  maxSourceTokens: number;
  input?: string;
  output?: string;
  backend: string;
  json?: boolean;
}
