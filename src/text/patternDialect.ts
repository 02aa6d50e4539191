/**
 * Features of a language's regular expressions that JavaScript lacks, or has only for ASCII; all in JavaScript's
 * notation with the flag "v".
 */
export interface PatternDialect {
  /** Classes by letter, such as `d` for `\d`; the capital is what is not in the class. `w` also defines `\b`. */
  readonly classes: Readonly<Record<string, string>> & { readonly w: string };
  /** Escapes for positions, such as `A` for `\A`. */
  readonly assertions: Readonly<Record<string, string>>;
  /** Characters by letter, such as `a` for the bell. */
  readonly characters: Readonly<Record<string, string>>;
  /** Classes such as `[:alpha:]`; absent: a bracket within brackets is an ordinary character. */
  readonly posixClasses?: Readonly<Record<string, string>>;
  /** The translation of `\p{name}`, or undefined for an unknown name; absent: the language has no `\p`. */
  readonly property?: (name: string) => string | undefined;
  /** The least and the most repetitions of `{...}`, if it is a repetition. */
  readonly braces: (text: string) => readonly [least: string, most: string] | undefined;
  /** Whether `(?i)` is allowed anywhere, and applies to the rest of its group. */
  readonly flagsAnywhere: boolean;
  /** Whether a hyphen next to a class, as in `[\w-.]`, is a hyphen; otherwise it is refused. */
  readonly hyphenAfterClass: boolean;
  /** Whether the texts of the user's groups matter, in addition to the whole match. */
  readonly groupsMatter: boolean;
}

/**
 * A regular expression of another language in JavaScript's notation, for the flag "v". The groups of the user are named
 * `g1`, `g2`, ... in the order of their brackets; there may be others, which possessive and atomic ones need.
 *
 * Understands flags for a part (`(?i:...)`), possessive and atomic groups, both notations of named groups, comments and
 * `x`; no recursion, conditions, branch resets or code. A repetition of what may be empty ends with an empty round in
 * Perl and Python, and before it in JavaScript: where that could change the result, it is refused. So are a repeated
 * group that not every round sets, which JavaScript forgets, and a reference to a group that may not be set, which
 * JavaScript takes for empty text.
 *
 * @throws SyntaxError that names what cannot be expressed
 */
export function translatePattern(pattern: string, dialect: PatternDialect): string {
  return new Translation(pattern, dialect).whole();
}

/** The texts of the user's groups of a match, in order. */
export function userGroups(match: RegExpMatchArray): (string | undefined)[] {
  return Object.entries(match.groups ?? {}).flatMap(([name, text]) => (name.startsWith('g') ? [text] : []));
}

interface Flags {
  readonly i: boolean;
  readonly x: boolean;
}

interface Group {
  readonly start: number;
  /** The text that closes it. */
  readonly end: string;
  /** The flags around it. */
  readonly flags: Flags;
  readonly isLookbehind: boolean;
  /** Its translation, given its contents. */
  readonly part: (inside: Part) => Part;
  /** The parts around it when it was opened. */
  readonly branches: Part | undefined;
  readonly branch: Part;
  /** The groups that hold something for certain where it was opened. */
  readonly before: ReadonlySet<number>;
}

/** Facts about a part of the pattern. */
interface Part {
  /** It may match nothing. */
  readonly nullable: boolean;
  /** It may match nothing before it tries to match something. */
  readonly emptyFirst: boolean;
  /** It holds a group of the user. */
  readonly hasGroup: boolean;
  /** It may match without one of the user's groups that it holds. */
  readonly skipsGroup: boolean;
}

const oneCharacter: Part = { nullable: false, emptyFirst: false, hasGroup: false, skipsGroup: false };
const noCharacter: Part = { nullable: true, emptyFirst: false, hasGroup: false, skipsGroup: false };

function sequence(a: Part, b: Part): Part {
  return {
    nullable: a.nullable && b.nullable,
    emptyFirst: a.emptyFirst || b.emptyFirst,
    hasGroup: a.hasGroup || b.hasGroup,
    skipsGroup: a.skipsGroup || b.skipsGroup,
  };
}

/** @param a the branches before, `b` the next */
function alternatives(a: Part, b: Part): Part {
  return {
    nullable: a.nullable || b.nullable,
    emptyFirst: a.nullable || (b.nullable && b.emptyFirst),
    hasGroup: a.hasGroup || b.hasGroup,
    skipsGroup: a.hasGroup || b.hasGroup,
  };
}

const quantifiers: Readonly<Record<string, string>> = { '*': '*', '+': '+', '?': '?' };

class Translation {
  private at = 0;
  private out = '';
  /** Where the last thing that can be repeated begins in `out`, if that was the last thing. */
  private atom: number | undefined;
  /** The last part, and the parts before it in its branch and in the earlier branches. */
  private last: Part = noCharacter;
  private branch: Part = noCharacter;
  private branches: Part | undefined;
  /**
   * Groups of the user that hold something wherever the pattern has come this far; and those from before the last atom.
   */
  private certain: ReadonlySet<number> = new Set();
  private beforeAtom: ReadonlySet<number> = new Set();
  private flags: Flags = { i: false, x: false };
  private readonly groups: Group[] = [];
  private readonly names = new Map<string, number>();
  private numGroups = 0;
  private numAtomic = 0;
  private readonly edge: string;

  constructor(
    private readonly pattern: string,
    private readonly dialect: PatternDialect,
  ) {
    const { w } = dialect.classes;
    this.edge = `(?:(?<=${w})(?!${w})|(?<!${w})(?=${w}))`;
  }

  whole(): string {
    while (this.at < this.pattern.length) this.next();
    if (this.groups.length > 0) throw new SyntaxError('a group is not closed');
    return this.out;
  }

  private get rest(): string {
    return this.pattern.slice(this.at);
  }

  private next(): void {
    const { rest } = this;
    const character = String.fromCodePoint(rest.codePointAt(0)!);
    if (this.flags.x && /^[\t-\r ]/.test(rest)) this.at++;
    else if (this.flags.x && character === '#') this.at += /^[^\n]*/.exec(rest)![0].length;
    else if (character === '\\') this.escape();
    else if (character === '[') this.emit(this.bracket());
    else if (character === '(') this.open();
    else if (character === ')') this.close();
    else if (character === '|' || character === '^' || character === '$') {
      this.at++;
      this.out += character;
      this.atom = undefined;
      if (character === '|') {
        this.branches = this.inside();
        this.branch = this.last = noCharacter;
        this.certain = this.groups.at(-1)?.before ?? new Set();
      }
    } else if (quantifiers[character]) this.repeat(character, character);
    else if (character === '{') this.brace();
    else {
      this.at += character.length;
      this.emit(character === '.' ? '.' : this.literal(character));
    }
  }

  private emit(text: string, part = oneCharacter): void {
    this.atom = this.out.length;
    this.beforeAtom = this.certain;
    this.out += text;
    this.take(part);
  }

  private take(part: Part): void {
    this.branch = sequence(this.branch, this.last);
    this.last = part;
  }

  /** The contents of the current group. */
  private inside(): Part {
    const branch = sequence(this.branch, this.last);
    return this.branches === undefined ? branch : alternatives(this.branches, branch);
  }

  private literal(character: string): string {
    const variants = this.flags.i ? caseVariants(character) : [];
    return variants.length > 1 ? `[${variants.map(escapeLiteral).join('')}]` : escapeLiteral(character);
  }

  private brace(): void {
    const text = /^\{[^{}]*\}/.exec(this.rest)?.[0];
    const range = text === undefined ? undefined : this.dialect.braces(text.slice(1, -1));
    if (range) this.repeat(text!, range[0] === range[1] ? `{${range[0]}}` : `{${range[0]},${range[1]}}`);
    else {
      if (this.dialect.flagsAnywhere && /\\[A-Za-z]$/.test(this.pattern.slice(0, this.at)))
        throw new SyntaxError('a brace behind a letter with a backslash has to be written \\{');
      this.at++;
      this.emit('\\{');
    }
  }

  /** Whether it matters what the user's groups hold: to the caller, or to the pattern. */
  private get groupsMatter(): boolean {
    return this.dialect.groupsMatter || /\\[1-9gk]|\(\?P=/.test(this.pattern);
  }

  /** A repetition, and what makes it lazy or possessive. */
  private repeat(read: string, quantifier: string): void {
    if (this.atom === undefined) throw new SyntaxError(`${read} has nothing to repeat`);
    this.at += read.length;
    const kind = /^[?+]?/.exec(this.rest)![0];
    this.at += kind.length;
    const { atom, last } = this;
    const least = quantifier === '+' ? 1 : Number(/^\{(\d+)/.exec(quantifier)?.[1] ?? 0);
    const isOptional = quantifier === '?' || quantifier === '{0,1}';
    const isOnce = isOptional || /^\{(0,)?[01]\}$|^\{1,1\}$/.test(quantifier);
    if (!isOnce && last.skipsGroup && this.groupsMatter)
      throw new SyntaxError(
        `${read} repeats a group that not every round takes part in, and the group forgets earlier rounds here: write it without the group, (?:...)`,
      );
    const hasChoice = !/^\{\d+\}$/.test(quantifier);
    const body = this.out.slice(atom);
    let repeated = body + quantifier + (kind === '?' ? '?' : '');
    if (hasChoice && last.nullable && (last.emptyFirst || (last.hasGroup && this.groupsMatter))) {
      if (!isOptional)
        throw new SyntaxError(
          `${read} repeats what may be empty, and an empty round counts in another way here: write it so that each round matches something`,
        );
      repeated = kind === '?' ? `(?:|${body})` : `(?:${body}|)`;
    }
    this.last = {
      ...last,
      nullable: least === 0 || last.nullable,
      skipsGroup: last.skipsGroup || (least === 0 && last.hasGroup),
      emptyFirst: kind !== '+' && ((kind === '?' && least === 0) || (last.nullable && last.emptyFirst)),
    };
    if (least === 0) this.certain = this.beforeAtom;
    const [start, end] = kind === '+' ? this.atomic() : ['', ''];
    this.out = this.out.slice(0, atom) + start + repeated + end;
    this.atom = undefined;
  }

  /** The wrapping of an atomic pattern, which does not backtrack into its match. */
  private atomic(): readonly [start: string, end: string] {
    if (this.groups.some(({ isLookbehind }) => isLookbehind))
      throw new SyntaxError('an atomic or possessive group within a lookbehind cannot be expressed here');
    const name = `a${++this.numAtomic}`;
    return [`(?:(?=(?<${name}>`, `))\\k<${name}>)`];
  }

  private open(): void {
    const { rest } = this;
    const comment = /^\(\?#[^)]*\)/.exec(rest);
    if (comment) {
      this.at += comment[0].length;
      return;
    }
    const flags = /^\(\?(\^?)([a-zA-Z]*)(?:-([a-zA-Z]+))?([:)])/.exec(rest);
    if (flags) {
      this.openFlags(flags);
      return;
    }
    const back = /^\(\?P=(\w+)\)/.exec(rest);
    if (back) {
      this.at += back[0].length;
      this.emit(this.backReference(back[1], back[0]), noCharacter);
      return;
    }
    const named = /^\(\?(?:P?<([A-Za-z_]\w*)>|'([A-Za-z_]\w*)')/.exec(rest);
    const other = /^\((?:\?(?:[=!>]|<[=!]))/.exec(rest)?.[0];
    if (other) {
      this.at += other.length;
      const [start, end] = other === '(?>' ? this.atomic() : [other, ')'];
      this.push(start, end, {
        isLookbehind: other.startsWith('(?<'),
        part: (inside) => ({ ...inside, nullable: inside.nullable || other !== '(?>', emptyFirst: false }),
      });
      return;
    }
    if (/^\([?*]/.test(rest) && !named)
      throw new SyntaxError(
        `${/^\([?*][^()]{0,12}/.exec(rest)![0]} cannot be expressed here (recursion, conditions, branch resets, verbs and code cannot)`,
      );
    this.at += named ? named[0].length : 1;
    this.numGroups++;
    const name = named?.[1] ?? named?.[2];
    if (name !== undefined) this.names.set(name, this.numGroups);
    this.push(`(?<g${this.numGroups}>`, ')', { part: (inside) => ({ ...inside, hasGroup: true }) });
  }

  private push(
    start: string,
    end: string,
    { isLookbehind = false, part = (inside: Part): Part => inside }: Partial<Pick<Group, 'isLookbehind' | 'part'>> = {},
  ): void {
    this.take(noCharacter);
    const { flags, branches, branch } = this;
    this.groups.push({
      start: this.out.length,
      end,
      flags,
      isLookbehind,
      part,
      branches,
      branch,
      before: this.certain,
    });
    this.out += start;
    this.atom = undefined;
    this.branches = undefined;
    this.branch = noCharacter;
  }

  /** `(?i:...)` and `(?i)`. Lines hold no line feeds: `m` and `s` change nothing. */
  private openFlags([whole, caret, on, off = '', end]: RegExpExecArray): void {
    const strange = /[^imsxup]/.exec(on + off);
    if (strange) throw new SyntaxError(`the flag ${strange[0]} of ${whole} cannot be expressed here`);
    const before = caret ? { i: false, x: false } : this.flags;
    const after = {
      i: (before.i || on.includes('i')) && !off.includes('i'),
      x: (before.x || on.includes('x')) && !off.includes('x'),
    };
    if (end === ')' && !this.dialect.flagsAnywhere)
      throw new SyntaxError(`flags as in ${whole} cannot be inside an expression: write ${whole.slice(0, -1)}:...)`);
    this.at += whole.length;
    if (end === ':') this.push('(?:', ')');
    this.flags = after;
    this.atom = undefined;
  }

  private close(): void {
    const group = this.groups.pop();
    if (!group) throw new SyntaxError('a group is closed that was not opened');
    this.at++;
    this.out += group.end;
    this.flags = group.flags;
    this.atom = group.start;
    this.last = group.part(this.inside());
    const [, number, negative] = /^\(\?(?:<g(\d+)>|(<?!))?/.exec(this.out.slice(group.start)) ?? [];
    const inside = this.branches !== undefined || negative !== undefined ? group.before : this.certain;
    this.certain = number === undefined ? inside : new Set([...inside, Number(number)]);
    this.beforeAtom = group.before;
    this.branch = group.branch;
    this.branches = group.branches;
  }

  private escape(): void {
    const { rest, dialect } = this;
    const letter = rest[1];
    const assertion = { b: this.edge, B: `(?!${this.edge})`, ...dialect.assertions }[letter];
    if (assertion !== undefined) {
      this.at += 2;
      this.out += assertion;
      this.atom = undefined;
      return;
    }
    const quoted = dialect.flagsAnywhere ? /^\\Q(.*?)(?:\\E|$)/s.exec(rest) : null;
    if (quoted) {
      this.at += quoted[0].length;
      for (const character of quoted[1]) this.emit(this.literal(character));
      return;
    }
    const back = /^\\(?:([1-9]\d?)|g(-?\d+)|g\{(-?\d+)\}|[gk]\{(\w+)\}|k<(\w+)>|k'(\w+)')/.exec(rest);
    if (back && (dialect.flagsAnywhere || back[1])) {
      this.at += back[0].length;
      const name = back[1] ?? back[2] ?? back[3] ?? back[4] ?? back[5] ?? back[6];
      this.emit(this.backReference(name, back[0]), noCharacter);
      return;
    }
    const part = this.escaped(false);
    this.emit('character' in part ? this.literal(part.character) : this.folded(part.set));
  }

  private backReference(name: string, read: string): string {
    const number = name.startsWith('-')
      ? this.numGroups + 1 + Number(name)
      : /^\d+$/.test(name)
        ? Number(name)
        : this.names.get(name);
    if (number === undefined || number < 1 || number > this.numGroups)
      throw new SyntaxError(`${read} names no group before it`);
    if (!this.certain.has(number))
      throw new SyntaxError(
        `${read} refers to a group that may have matched nothing, and then counts in another way here`,
      );
    if (this.flags.i) throw new SyntaxError(`${read} where case does not matter cannot be expressed here`);
    return `\\k<g${number}>`;
  }

  /** The meaning of a backslash and the text after it: one character, or a set of characters. */
  private escaped(inBracket: boolean): { character: string } | { set: string } {
    const { rest, dialect } = this;
    const property = dialect.property && /^\\([pP])(?:\{\s*(\^?)([^}]*)\}|([A-Z]))/.exec(rest);
    if (property) {
      const [whole, kind, caret = '', long, short] = property;
      const set = dialect.property!(long ?? short);
      if (set === undefined) throw new SyntaxError(`the property ${whole} is not known here`);
      this.at += whole.length;
      return { set: (kind === 'P') !== (caret === '^') ? `[^${set}]` : set };
    }
    const code =
      /^\\(?:x\{([0-9A-Fa-f]+)\}|x([0-9A-Fa-f]{2})|u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|N\{U\+([0-9A-Fa-f]+)\})/.exec(
        rest,
      );
    const isCode = code && (dialect.flagsAnywhere ? !/^\\[uU]/.test(rest) : !/^\\(?:x\{|N)/.test(rest));
    if (isCode) {
      this.at += code[0].length;
      return {
        character: String.fromCodePoint(
          parseInt(
            code.slice(1).find((digits) => digits !== undefined)!,
            16,
          ),
        ),
      };
    }
    const octal = (inBracket ? /^\\([0-7]{1,3})/ : /^\\(0[0-7]{0,2}|[1-7][0-7]{2})/).exec(rest);
    if (octal) {
      this.at += octal[0].length;
      return { character: String.fromCodePoint(parseInt(octal[1], 8)) };
    }
    if (rest.length === 1) throw new SyntaxError('a backslash is at the end');
    const character = String.fromCodePoint(rest.codePointAt(1)!);
    const known = inBracket && character === 'b' ? '\b' : dialect.characters[character];
    const lowerCase = dialect.classes[character.toLowerCase()];
    if (known === undefined && lowerCase === undefined && /[A-Za-z0-9]/.test(character))
      throw new SyntaxError(`\\${character} cannot be expressed here`);
    this.at += 1 + character.length;
    if (known !== undefined) return { character: known };
    if (lowerCase !== undefined) return { set: character === character.toLowerCase() ? lowerCase : `[^${lowerCase}]` };
    return { character };
  }

  /** A class in brackets. */
  private bracket(): string {
    const isNegated = this.rest.startsWith('[^');
    this.at += isNegated ? 2 : 1;
    let set = '';
    for (let first = true; first || this.rest[0] !== ']'; first = false) {
      const from = this.bracketItem();
      const isRange = /^-[^\]]/.test(this.rest);
      if (!isRange) {
        set += 'character' in from ? escapeLiteral(from.character) : from.set;
        continue;
      }
      const hyphen = this.at++;
      const to = 'character' in from || !this.dialect.hyphenAfterClass ? this.bracketItem() : from;
      if ('character' in from && 'character' in to) {
        if (from.character.codePointAt(0)! > to.character.codePointAt(0)!)
          throw new SyntaxError(`the range ${from.character}-${to.character} runs backwards`);
        set += `${escapeLiteral(from.character)}-${escapeLiteral(to.character)}`;
      } else if (this.dialect.hyphenAfterClass) {
        this.at = hyphen + 1;
        set += `${'character' in from ? escapeLiteral(from.character) : from.set}\\-`;
      } else throw new SyntaxError('a class is no end of a range');
    }
    this.at++;
    const folded = this.folded(`[${set}]`);
    return isNegated ? `[^${folded}]` : folded;
  }

  private bracketItem(): { character: string } | { set: string } {
    const { rest, dialect } = this;
    if (rest === '') throw new SyntaxError('a bracket is not closed');
    if (rest.startsWith('\\')) return this.escaped(true);
    const posix = dialect.posixClasses && /^\[([:.=])(\^?)([a-z]+)\1\]/.exec(rest);
    if (posix) {
      const set = posix[1] === ':' ? dialect.posixClasses![posix[3]] : undefined;
      if (set === undefined) throw new SyntaxError(`the class ${posix[0]} is not known here`);
      this.at += posix[0].length;
      return { set: posix[2] ? `[^${set}]` : set };
    }
    const character = String.fromCodePoint(rest.codePointAt(0)!);
    this.at += character.length;
    return { character };
  }

  /** A set with the other cases of its characters, where case does not matter. */
  private folded(set: string): string {
    if (!this.flags.i) return set;
    const holds = new RegExp(`^${set}$`, 'v');
    const others = [...cases().values()].flatMap((variants) => {
      const inside = variants.filter((variant) => holds.test(variant));
      return inside.length > 0 && inside.length < variants.length ? variants : [];
    });
    return others.length === 0 ? set : `[${set}${others.map(escapeLiteral).join('')}]`;
  }
}

function escapeLiteral(character: string): string {
  return /[A-Za-z0-9_]/.test(character) || character > '\x7f'
    ? character
    : `\\u{${character.codePointAt(0)!.toString(16)}}`;
}

function caseVariants(character: string): readonly string[] {
  return cases().get(foldCase(character)) ?? [];
}

let knownCases: Map<string, string[]> | undefined;

/** All characters that differ from others only by case, by their folded form. */
function cases(): ReadonlyMap<string, readonly string[]> {
  if (knownCases) return knownCases;
  knownCases = new Map();
  for (let code = 0x41; code < 0x1e944; code++) {
    const character = String.fromCodePoint(code);
    if (code === 0x345) continue; // a mark whose capital is a letter: it would turn other characters into letters
    const fold = foldCase(character);
    if (fold === character && character.toUpperCase() === character) continue;
    knownCases.set(fold, [...(knownCases.get(fold) ?? []), character]);
  }
  for (const [fold, variants] of knownCases) if (variants.length < 2) knownCases.delete(fold);
  return knownCases;
}

/** Simple case folding: no character becomes several. */
function foldCase(character: string): string {
  const one = (text: string): string => (Array.from(text).length === 1 ? text : character);
  return one(one(character.toUpperCase()).toLowerCase());
}
