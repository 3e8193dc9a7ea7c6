/** A value as the wire gave it, before scale and labels. `bigint` only where a 64-bit integer leaves the safe range. */
export type RawValue = number | bigint | boolean | string | Uint8Array;

/** A value as people and platforms see it: scaled, labelled, in the profile's unit. */
export type Value = number | bigint | boolean | string | Uint8Array;
