/** Length of a degree of latitude at the equator, where it is shortest, and of longitude there, metres (WGS 84). */
const latitudeMetres = 110_574;
const longitudeMetres = 111_320;

/**
 * The middle of the cell that holds a position, degrees. Cells are at least `metres` wide and high,
 * equal within their band of latitude, and the same for everybody: many positions share one.
 */
export function middleOfCell(lat: number, lon: number, metres: number): { lat: number; lon: number } {
  const band = cellOf(lat + 90, 180, metres / latitudeMetres);
  // The narrower edge of the band, so that the cell is wide enough everywhere.
  const edge = Math.max(Math.abs(band.from - 90), Math.abs(band.from + band.size - 90));
  const degree = longitudeMetres * Math.cos((edge * Math.PI) / 180);
  const column = cellOf(lon + 180, 360, degree > 0 ? metres / degree : 360);
  return { lat: tidy(band.from + band.size / 2 - 90), lon: tidy(column.from + column.size / 2 - 180) };
}

/** Divides `whole` into equal parts of at least `least`, and finds the one that holds `at`. */
function cellOf(at: number, whole: number, least: number): { from: number; size: number } {
  const parts = Math.max(1, Math.floor(whole / least));
  const size = whole / parts;
  const index = Math.min(parts - 1, Math.max(0, Math.floor(at / size)));
  return { from: index * size, size };
}

/** To about a centimetre: digits beyond say nothing. */
function tidy(degrees: number): number {
  return Math.round(degrees * 1e7) / 1e7;
}
