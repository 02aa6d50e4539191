/**
 * Factor that brings the global gradient norm down to a bound: min(1, clipNorm / (norm + 1e-6)).
 *
 * @param gradNormL2 L2 norm over all gradients together
 * @param clipNorm the bound; 0 does not clip
 * Source: torch.nn.utils.clip_grad_norm_, which fairseq uses.
 */
export function clipScale(gradNormL2: number, clipNorm: number): number {
  return clipNorm > 0 ? Math.min(1, clipNorm / (gradNormL2 + 1e-6)) : 1;
}
