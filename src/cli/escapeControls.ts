/**
 * Text that is safe to show on a terminal: names and contents of files cannot move the cursor, change colours or
 * reverse the direction of writing. Such characters are shown as in `\x1b`. Line feeds and tabs stay.
 */
export function escapeControls(text: string): string {
  return text.replace(/(?![\n\t])[\p{Cc}\u202a-\u202e\u2066-\u2069]/gu, (character) => {
    const code = character.charCodeAt(0).toString(16);
    return code.length <= 2 ? `\\x${code.padStart(2, '0')}` : `\\u${code}`;
  });
}
