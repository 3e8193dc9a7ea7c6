/** One value as the meter wrote it, before anybody says what it means. */
export type MeterValue =
  /** P1: a number, a time or a code, the address knows which. DLMS: a string. */
  | { readonly kind: "text"; readonly text: string; readonly unit?: string | undefined }
  /** digits * 10^power, exactly. */
  | {
      readonly kind: "number";
      readonly digits: number | bigint;
      readonly power: number;
      readonly unit?: string | undefined;
    }
  /** A binary float * 10^power. */
  | {
      readonly kind: "float";
      readonly number: number;
      readonly power: number;
      readonly unit?: string | undefined;
    }
  | { readonly kind: "bytes"; readonly bytes: Uint8Array }
  | { readonly kind: "boolean"; readonly value: boolean }
  /** The meter has nothing to say here (DLMS null-data). */
  | { readonly kind: "nothing" }
  /** Something that no point can hold (a list in a list). */
  | { readonly kind: "composite"; readonly what: string };

/** One OBIS code and what stands beside it. */
export interface MeterObject {
  /** `A-B:C.D.E`, with `*F` only where F is not 255. */
  readonly obis: string;
  readonly values: readonly MeterValue[];
}

/** What a meter says at one moment, in either codec. */
export interface MeterMessage {
  /** P1: the identification line without `/`. DLMS: name of the list, where it has one. */
  readonly ident: string | undefined;
  /** In the order of the message. A code may stand in it more than once. */
  readonly objects: readonly MeterObject[];
  /** Values by position, of a list without codes; empty otherwise. */
  readonly list: readonly MeterValue[];
  /** Whether the meter says everything it has in every message (P1), so that what is missing will not come. */
  readonly complete: boolean;
}

/** Objects by code, made once per message. More than one where a code is repeated. */
export function objectsByCode(message: MeterMessage): ReadonlyMap<string, readonly MeterObject[]> {
  const found = new Map<string, MeterObject[]>();
  for (const object of message.objects) {
    const known = found.get(object.obis);
    if (known) known.push(object);
    else found.set(object.obis, [object]);
  }
  return found;
}
