/**
 * Why a reading may or may not be used. Everything but `good` carries no value.
 *
 * - `stale`: nothing new for longer than the point's poll class allows
 * - `sentinel`: the device said "not available" in its own way
 * - `out-of-range`: outside the profile's range, or an unknown enum value
 * - `comm-error`: the device did not answer, or not understandably
 * - `config-error`: the device refused the address, or the profile cannot decode it
 */
export const qualities = ["good", "stale", "sentinel", "out-of-range", "comm-error", "config-error"] as const;
export type Quality = (typeof qualities)[number];
