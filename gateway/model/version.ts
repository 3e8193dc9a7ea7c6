/** Version of this software, as told to the platform and by `stadsnod --version`. */
export const version = "0.1.0";
