/**
 * The script without `export` before a declaration, `export default` before a value and `export {...}`
 * lists at the beginning of a line, each replaced by as many blanks: lines and columns stay. Codecs
 * written for a bundler have them; there is nothing to `import`.
 */
export function withoutExports(source: string): string {
  return source
    .replace(/^([ \t]*)(export)(?=[ \t]+(?:async[ \t]+)?(?:function|class|const|let|var)\b)/gm, blank)
    .replace(/^([ \t]*)(export[ \t]*\{[^{}]*\}[ \t]*;?)/gm, blank)
    .replace(/^([ \t]*)(export[ \t]+default)(?=[ \t]+(?:function|class)[ \t]+[\w$])/gm, blank)
    .replace(
      /^([ \t]*)(export[ \t]+default)(?=[ \t])/gm,
      (_all, indent: string, word: string) => `${indent}void ${" ".repeat(word.length - 5)}`,
    );
}

function blank(_all: string, indent: string, word: string): string {
  return indent + word.replace(/[^\n]/g, " ");
}
