/** Version of this software, as told to the platform and by `stadsnod --version`. */
export const version = "0.1.0";

/** 2026-11-01, Unix ms: no gateway runs this code earlier, so no clock may say so. */
export const buildTime = Date.UTC(2026, 10, 1);
