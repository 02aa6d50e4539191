/** The configuration's section `corpus` for text that `coldstart corpus synth --out text` wrote next to it. */
export const builtinTextYaml = `corpus:
  dir: data
  srcLang: de
  trgLang: en
  train: { src: text/train.de, trg: text/train.en }
  valid: { src: text/valid.de, trg: text/valid.en }
  test: { src: text/test.de, trg: text/test.en }
`;
