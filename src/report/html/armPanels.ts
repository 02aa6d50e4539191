import * as Plot from '@observablehq/plot';
import { greatest } from '../../extremes.js';
import { displayWidth } from '../text/displayWidth.js';

/** Places for small charts side by side, one for each arm. */
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

/** Width of a wide character in the charts' font, in pixels. */
const characterPixels = 7.6;

/** A name no wider than so many pixels: its middle is cut, because names of arms often differ at their ends. */
function shortName(name: string, pixels: number): string {
  const columns = Math.max(5, Math.floor(pixels / characterPixels));
  if (displayWidth(name) <= columns) return name;
  const characters = [...name];
  let keep = Math.min(columns, characters.length) - 1;
  for (; ; keep--) {
    const short = `${characters.slice(0, Math.ceil(keep / 2)).join('')}…${characters.slice(characters.length - Math.floor(keep / 2)).join('')}`;
    if (displayWidth(short) <= columns || keep <= 2) return short;
  }
}

/**
 * An axis of arms at the left edge of a chart `width` pixels wide, with as much room as the names need, up to 0.3 of
 * it.
 */
export function armAxis(
  arms: readonly string[],
  width: number,
): { readonly marginLeft: number; readonly tickFormat: (arm: string) => string } {
  const needed = greatest(arms.map((arm) => displayWidth(arm))) * characterPixels + 12;
  const marginLeft = Math.ceil(Math.min(Math.max(needed, 60), 0.3 * width));
  return { marginLeft, tickFormat: (arm) => shortName(arm, marginLeft - 12) };
}

/**
 * @param across most panels next to each other
 * @param room for all panels of a row together, in pixels
 * @param dy of the names from the upper edge of their panels, in pixels
 */
export function armPanels(
  arms: readonly string[],
  { across, dy, room }: { readonly across: number; readonly dy: number; readonly room: number },
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
      {
        ...facet,
        text: ({ arm }: { readonly arm: string }) => shortName(arm, room / columns),
        title: 'arm',
        frameAnchor: 'top',
        dy,
        fontWeight: 600,
      },
    ),
  };
}
