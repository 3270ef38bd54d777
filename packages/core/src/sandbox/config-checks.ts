import { createHash } from 'node:crypto';
import { InvalidConfigError } from '../errors.js';
import { PullPolicies, type PullPolicy } from '../image/pull-progress.js';
import type { SandboxInit, SecurityProfile } from '../store/record.js';

// What each option of a sandbox may be. All throw InvalidConfigError, by the option's name.

const maxHostnameBytes = 63;
/** A year, a leap year; seconds. */
const maxLifetimeSecs = 366 * 24 * 3600;

export function checkInteger(what: string, value: number, least: number, most: number, unit: string): number {
  if (Number.isInteger(value) && value >= least && value <= most) return value;
  throw new InvalidConfigError(`${what} is ${value}; it is a whole number from ${least} to ${most}${unit}.`);
}

export function checkEnv(env: Readonly<Record<string, string>>): void {
  for (const [key, value] of Object.entries(env)) {
    if (key === '' || /[=\0]/.test(key) || value.includes('\0')) {
      throw new InvalidConfigError(
        `${JSON.stringify(key)} cannot be an environment variable: names have no "=", nothing has a NUL.`,
      );
    }
  }
}

export function checkPullPolicy(policy: string): PullPolicy {
  const known = PullPolicies.find((one) => one === policy);
  if (known) return known;
  throw new InvalidConfigError(
    `pullPolicy is ${JSON.stringify(policy)}; there are ${PullPolicies.join(', ')}.`,
  );
}

export function checkUser(user: string): string {
  if (user !== '' && !user.includes('\0')) return user;
  throw new InvalidConfigError(`user is ${JSON.stringify(user)}; it is a name or a number.`);
}

export function checkSecurity(profile: SecurityProfile, init: SandboxInit | null): SecurityProfile {
  if (profile !== 'default' && profile !== 'restricted')
    throw new InvalidConfigError(`security is ${JSON.stringify(profile)}; it is "default" or "restricted".`);
  if (profile === 'restricted' && init !== null)
    throw new InvalidConfigError(
      'security is "restricted", which leaves a guest no init: an init has to mount, and what it starts would not be restricted. Leave out one of the two.',
    );
  return profile;
}

export function checkLifetime(what: string, secs: number | undefined): number | undefined {
  return secs === undefined ? undefined : checkInteger(what, secs, 1, maxLifetimeSecs, ' seconds');
}

export function checkHostname(name: string): string {
  if (/^[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?$/.test(name) && name.length <= maxHostnameBytes)
    return name;
  throw new InvalidConfigError(
    `hostname is "${name}"; it has letters, digits, "-" and ".", at most ${maxHostnameBytes}.`,
  );
}

/** A hostname that says whose it is, also for names that no host could have: those end in a part of their hash. */
export function hostnameFrom(name: string): string {
  const fit = name.replaceAll(/[^A-Za-z0-9.-]+/g, '-').replaceAll(/^[-.]+|[-.]+$/g, '');
  if (fit === name && fit.length <= maxHostnameBytes) return fit;
  const hash = createHash('sha256').update(name).digest('hex').slice(0, 8);
  return `${fit.slice(0, maxHostnameBytes - hash.length - 1) || 'sandbox'}-${hash}`;
}
