import type { Finding } from "../codec/syntax-error.ts";
import type { Deprecation } from "../model/write-rule.ts";

/** What is said of a profile, or a point, that is not for new use. */
export function deprecation(what: string, { since, use, reason }: Deprecation): Finding {
  return {
    code: "deprecated",
    message: `${what} is deprecated since ${since}${reason === undefined ? "" : `: ${reason}`}`,
    hint: use === undefined ? "it still works; plan to do without it" : `use ${use} instead`,
    severity: "warning",
  };
}
