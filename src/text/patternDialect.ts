/** What a language's regular expressions have and JavaScript's lack, or have for ASCII alone; all as JavaScript with the flag "v" has it. */
export interface PatternDialect {
  /** Classes by letter, such as `d` for `\d`; the capital is what is not in the class. `w` also defines `\b`. */
  readonly classes: Readonly<Record<string, string>> & { readonly w: string };
  /** What stands for a position, such as `A` for `\A`. */
  readonly assertions: Readonly<Record<string, string>>;
  /** `[:alpha:]` and the like; absent: a bracket within brackets is an ordinary character. */
  readonly posixClasses?: Readonly<Record<string, string>>;
  /** Names for `\p{...}` that JavaScript does not know. */
  readonly properties?: Readonly<Record<string, string>>;
}

/**
 * A regular expression of another language as JavaScript writes it, for the flag "v". Braces that repeat nothing, and
 * backslashes before marks that need none, are read as those languages read them.
 *
 * @throws SyntaxError for brackets that are not closed
 */
export function translatePattern(
  pattern: string,
  { classes, assertions, posixClasses = {}, properties = {} }: PatternDialect,
): string {
  const edge = `(?:(?<=${classes.w})(?!${classes.w})|(?<!${classes.w})(?=${classes.w}))`;
  const names: Names = {
    classes: Object.fromEntries(
      Object.entries(classes).flatMap(([name, text]) => [
        [name, text],
        [name.toUpperCase(), `[^${text}]`],
      ]),
    ),
    assertions: { b: edge, B: `(?!${edge})`, ...assertions },
    posixClasses,
    properties,
  };
  let translated = '';
  for (let i = 0; i < pattern.length;) {
    const rest = pattern.slice(i);
    const [whole, text] = rest.startsWith('\\')
      ? escaped(rest, names, names.assertions)
      : rest.startsWith('[')
        ? bracketed(rest, names)
        : plain(rest);
    translated += text;
    i += whole.length;
  }
  return translated;
}

interface Names {
  readonly classes: Readonly<Record<string, string>>;
  readonly assertions: Readonly<Record<string, string>>;
  readonly posixClasses: Readonly<Record<string, string>>;
  readonly properties: Readonly<Record<string, string>>;
}

/** What a backslash makes ordinary, outside of brackets and inside. */
const syntaxMarks = /[\^$\\.*+?()[\]{}|/]/;
const classMarks = /[\^$\\.*+?()[\]{}|/\-&!#%,:;<=>@`~]/;

type Part = readonly [read: string, javaScript: string];

function plain(rest: string): Part {
  const character = String.fromCodePoint(rest.codePointAt(0)!);
  if (character === '{') {
    const quantifier = /^\{\d+(,\d*)?\}/.exec(rest);
    return quantifier ? [quantifier[0], quantifier[0]] : ['{', '\\{'];
  }
  return [character, character === '}' || character === ']' ? `\\${character}` : character];
}

function escaped(
  rest: string,
  { classes, properties }: Names,
  others: Readonly<Record<string, string>>,
  marks = syntaxMarks,
): Part {
  const property = /^\\([pP])(?:\{(\^?)([^}]*)\}|([A-Z]))/.exec(rest);
  if (property) {
    const [whole, kind, caret, long, short] = property;
    const name = long ?? short;
    const positive = properties[name] ?? `\\p{${name.replace(/^Is(?=[A-Z][a-z]?$)/, '')}}`;
    return [whole, (kind === 'P') !== (caret === '^') ? `[^${positive}]` : positive];
  }
  const code = /^\\x(?:\{([0-9A-Fa-f]+)\}|([0-9A-Fa-f]{2}))/.exec(rest);
  if (code) return [code[0], `\\u{${code[1] ?? code[2]}}`];
  const character = rest.slice(1, 2);
  const known = classes[character] ?? others[character];
  if (known !== undefined) return [rest.slice(0, 2), known];
  if (/[A-Za-z0-9]/.test(character) || character === '') return [rest.slice(0, 2), rest.slice(0, 2)];
  const literal = String.fromCodePoint(rest.codePointAt(1)!);
  return [`\\${literal}`, marks.test(literal) ? `\\${literal}` : literal];
}

/** A class in brackets. A hyphen beside another class is a hyphen. */
function bracketed(rest: string, names: Names): Part {
  let translated = rest.startsWith('[^') ? '[^' : '[';
  let i = translated.length;
  let lastWasClass = false;
  for (let first = true; i < rest.length && (first || rest[i] !== ']'); first = false) {
    const posix = /^\[:(\^?)([a-z]+):\]/.exec(rest.slice(i));
    const posixClass = posix && names.posixClasses[posix[2]];
    if (posix && posixClass) {
      translated += posix[1] ? `[^${posixClass}]` : posixClass;
      i += posix[0].length;
      lastWasClass = true;
    } else if (rest[i] === '\\') {
      const [whole, text] = escaped(rest.slice(i), names, { b: '\\x08' }, classMarks);
      translated += text;
      i += whole.length;
      lastWasClass = text.startsWith('[') || text.startsWith('\\p');
    } else if (rest[i] === '-') {
      const next = rest.slice(i + 1);
      const isRange =
        !first && !lastWasClass && next !== '' && !next.startsWith(']') && !/^\\[wWdDsShHpP]|^\[:/.test(next);
      translated += isRange ? '-' : '\\-';
      i++;
      lastWasClass = false;
    } else {
      const character = String.fromCodePoint(rest.codePointAt(i)!);
      translated += classMarks.test(character) ? `\\${character}` : character;
      i += character.length;
      lastWasClass = false;
    }
  }
  if (i >= rest.length) throw new SyntaxError('a bracket is not closed');
  return [rest.slice(0, i + 1), `${translated}]`];
}
