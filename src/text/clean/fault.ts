/** The rules in the order in which they apply; a pair counts for the first that finds a fault. */
export const cleanRuleNames = [
  'invalidUtf8',
  'empty',
  'tooLong',
  'tooShort',
  'ratio',
  'longWord',
  'controlCharacters',
  'sameText',
  'repeatedTokens',
  'script',
  'wrongLanguage',
  'leakage',
  'duplicatePair',
  'duplicateSource',
  'duplicateTarget',
] as const;
export type CleanRuleName = (typeof cleanRuleNames)[number];

/** Why a pair is removed: the rule, and what it found. */
export interface Fault {
  readonly rule: CleanRuleName;
  readonly found: string;
}
