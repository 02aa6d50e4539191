import * as Plot from '@observablehq/plot';

/** Places for small charts side by side, one of each arm. */
export interface ArmPanels {
  readonly across: number;
  readonly down: number;
  /** Channels that put a mark's data into the panel of their arm. */
  readonly facet: {
    readonly fx: (d: { readonly arm: string }) => number;
    readonly fy: (d: { readonly arm: string }) => number;
  };
  /** The arms' names above their panels. */
  readonly titles: Plot.Markish;
}

/**
 * @param across most panels beside each other
 * @param dy of the names from the upper edge of their panels, in pixels
 */
export function armPanels(
  arms: readonly string[],
  { across, dy }: { readonly across: number; readonly dy: number },
): ArmPanels {
  const down = Math.max(1, Math.ceil(arms.length / across));
  const columns = Math.max(1, Math.ceil(arms.length / down)); // rows of about the same length
  const facet = {
    fx: ({ arm }: { readonly arm: string }): number => arms.indexOf(arm) % columns,
    fy: ({ arm }: { readonly arm: string }): number => Math.floor(arms.indexOf(arm) / columns),
  };
  return {
    across: columns,
    down,
    facet,
    titles: Plot.text(
      arms.map((arm) => ({ arm })),
      { ...facet, text: 'arm', frameAnchor: 'top', dy, fontWeight: 600 },
    ),
  };
}
