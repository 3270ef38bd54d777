/** One of the ways that a registry lets somebody prove who he is. */
export interface Challenge {
  /** In lower case, such as `bearer`. */
  readonly scheme: string;
  /** Names in lower case. */
  readonly parameters: Readonly<Record<string, string>>;
}

const token = /[!#$%&'*+.^_`|~0-9A-Za-z-]+/y;
const quotedString = /"((?:[^"\\]|\\.)*)"/y;
const space = /[ \t]*/y;
/** What a scheme may have instead of parameters; it says nothing to us. */
const token68 = /[A-Za-z0-9._~+/-]+=*(?=[ \t]*(?:,|$))/y;

const maxLength = 16 * 1024;

/**
 * Takes `WWW-Authenticate` apart, by RFC 9110: challenges, and the parameters of each, all separated by commas.
 *
 * @returns those that could be read; a malformed rest is left out.
 */
export function parseChallenges(header: string): Challenge[] {
  const text = header.slice(0, maxLength);
  const challenges: { scheme: string; parameters: Record<string, string> }[] = [];
  let at = 0;
  const take = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = at;
    const match = pattern.exec(text);
    if (match) at = pattern.lastIndex;
    return match;
  };
  const skipCommas = () => {
    do take(space);
    while (text[at] === ',' && ++at);
  };
  for (skipCommas(); at < text.length; skipCommas()) {
    const name = take(token)?.[0].toLowerCase();
    if (name === undefined) break;
    take(space);
    const current = challenges.at(-1);
    if (text[at] === '=' && current) {
      at++;
      take(space);
      const quoted = take(quotedString);
      const value = quoted ? quoted[1]?.replaceAll(/\\(.)/g, '$1') : take(token)?.[0];
      if (value === undefined) break;
      if (!Object.hasOwn(current.parameters, name)) current.parameters[name] = value;
      continue;
    }
    challenges.push({ scheme: name, parameters: Object.create(null) as Record<string, string> });
    take(token68);
  }
  return challenges;
}
