import type { Bench } from "./bench.ts";
export const daemon: Bench = { name: "daemon", title: "", run: async () => [] };
