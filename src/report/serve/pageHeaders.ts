/**
 * The text of an error stays text, also with quoted markup; a page of another site cannot show this one as a part of
 * it.
 */
export const pageHeaders = {
  'cache-control': 'no-store',
  'x-content-type-options': 'nosniff',
  'content-security-policy': "frame-ancestors 'none'",
} as const;
