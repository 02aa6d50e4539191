const named: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };
const reference = /&(?:([a-z]+)|#(\d{1,7})|#x([0-9a-f]{1,6}));/gi;

/**
 * Text with `&amp;`, `&lt;`, `&gt;`, `&quot;`, `&apos;` and numbers such as `&#8217;` replaced by the characters they
 * mean, once: `&amp;lt;` gives `&lt;`.
 *
 * @param unknown the replacement for other names and for numbers that are not characters; default: they stay
 */
export function decodeReferences(text: string, unknown: (reference: string) => string = (whole) => whole): string {
  if (!text.includes('&')) return text;
  return text.replace(
    reference,
    (whole, name: string | undefined, decimal: string | undefined, hexadecimal: string | undefined) => {
      if (name !== undefined) return Object.hasOwn(named, name) ? named[name] : unknown(whole);
      const code = decimal !== undefined ? Number(decimal) : parseInt(hexadecimal!, 16);
      const isCharacter = code > 0 && code <= 0x10ffff && !(code >= 0xd800 && code <= 0xdfff);
      return isCharacter ? String.fromCodePoint(code) : unknown(whole);
    },
  );
}
