/** A sentence with its `$` and checksum, from what stands between them: `GPHDT,86.2,T`. */
export function nmeaSentence(body: string): string {
  let sum = 0;
  for (const sign of body) sum ^= sign.charCodeAt(0);
  return `$${body}*${sum.toString(16).toUpperCase().padStart(2, "0")}`;
}

export interface GnssFix {
  /** Unix milliseconds that the receiver believes. */
  readonly unixMs: number;
  /** Degrees, north and east positive. */
  readonly latitude: number;
  readonly longitude: number;
  /** Without one the position is left out, as receivers do. */
  readonly fix: boolean;
}

/** What a receiver says about one moment: RMC, GGA and ZDA. */
export function gnssSentences({ unixMs, latitude, longitude, fix }: GnssFix): string[] {
  const iso = new Date(unixMs).toISOString();
  const [year = "", month = "", day = ""] = iso.slice(0, 10).split("-");
  const time = iso.slice(11, 22).replaceAll(":", "");
  const place = fix
    ? [
        ...minutes(Math.abs(latitude), 2),
        latitude < 0 ? "S" : "N",
        ...minutes(Math.abs(longitude), 3),
        longitude < 0 ? "W" : "E",
      ].join(",")
    : ",,,";
  return [
    `GNRMC,${time},${fix ? "A" : "V"},${place},0.0,,${day}${month}${year.slice(2)},,,${fix ? "A" : "N"},${fix ? "S" : "V"}`,
    `GNGGA,${time},${place},${fix ? "1,09,0.9,28.4" : "0,00,99.9,"},M,23.1,M,,`,
    `GNZDA,${time},${day},${month},${year},00,00`,
  ].map(nmeaSentence);
}

/** Degrees as ddmm.mmmm with so many digits of degrees. */
function minutes(degrees: number, digits: number): [string] {
  // In tenths of a thousandth of a minute, so that 59.99999 minutes never become 60.
  const units = Math.round(degrees * 600_000);
  const whole = Math.floor(units / 600_000);
  const rest = ((units % 600_000) / 10_000).toFixed(4).padStart(7, "0");
  return [String(whole).padStart(digits, "0") + rest];
}
