/**
 * Whether the import of an optional peer dependency failed because it is not installed: as Node says it, or as Yarn's
 * Plug'n'Play does. Other failures are of a package that is installed and does not load.
 */
export function saysNotInstalled(error: unknown): boolean {
  const { code, pnpCode } = error as { code?: string; pnpCode?: string };
  return code === 'ERR_MODULE_NOT_FOUND' || pnpCode === 'MISSING_PEER_DEPENDENCY';
}
