import { variantDefaults, type VariantSettings } from '../gradinit/variants.js';
import type { Config } from './schema.js';

type Settings = Config['gradinit'];

/** Whether a bound on the gradient norm is set, or the variant has one by default. */
export function boundsNorm({ variant, gamma, gammaShare }: Settings): boolean {
  return variant !== 'robust' || gamma !== undefined || gammaShare !== undefined;
}

/** GradInit's settings where each that is not set has the default of the variant. */
export function gradInitSettings(gradinit: Settings): Omit<Settings, keyof VariantSettings> & VariantSettings {
  const defaults: VariantSettings = variantDefaults[gradinit.variant];
  const set = Object.fromEntries(Object.entries(gradinit).filter(([, value]) => value !== undefined)) as Settings;
  return { ...defaults, ...set } as Omit<Settings, keyof VariantSettings> & VariantSettings;
}
