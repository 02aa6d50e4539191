/** A language by its code, in English, as LibreTranslate gives it; the code where there is no such language. */
export function languageName(code: string): string {
  try {
    return new Intl.DisplayNames(['en'], { type: 'language' }).of(code) ?? code;
  } catch {
    return code;
  }
}
