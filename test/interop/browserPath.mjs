import { existsSync } from 'node:fs';

/** Where Debian, Ubuntu and GitHub's machines have a Chromium; undefined: nowhere. */
export const browserPath = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find((path) =>
  existsSync(path),
);
