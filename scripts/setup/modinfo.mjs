// @ts-check

/**
 * What a kernel module says about itself: the `key=value` strings of its .modinfo section. Read from the ELF file, so
 * that no kmod is needed.
 * @param {Buffer} file a 64-bit little-endian object, as on every machine that we run on
 * @returns {Map<string, string[]>}
 */
export function modinfo(file) {
  if (file.readUInt32BE(0) !== 0x7f454c46 || file[4] !== 2 || file[5] !== 1) {
    throw new Error('not a 64-bit little-endian ELF file');
  }
  const table = Number(file.readBigUInt64LE(0x28));
  const entrySize = file.readUInt16LE(0x3a);
  const count = file.readUInt16LE(0x3c);
  const section = (/** @type {number} */ index) => {
    const at = table + index * entrySize;
    const offset = Number(file.readBigUInt64LE(at + 0x18));
    const size = Number(file.readBigUInt64LE(at + 0x20));
    return { name: file.readUInt32LE(at), data: file.subarray(offset, offset + size) };
  };

  const names = section(file.readUInt16LE(0x3e)).data;
  /** @type {Map<string, string[]>} */
  const info = new Map();
  for (let index = 0; index < count; index++) {
    const { name, data } = section(index);
    if (names.toString('latin1', name, names.indexOf(0, name)) !== '.modinfo') continue;
    for (const text of data.toString('utf8').split('\0')) {
      const equals = text.indexOf('=');
      if (equals <= 0) continue;
      const key = text.slice(0, equals);
      info.set(key, [...(info.get(key) ?? []), text.slice(equals + 1)]);
    }
  }
  return info;
}

/** Modules are named with either, and mean the same. @param {string} name */
export const moduleName = (name) => name.replaceAll('-', '_');

/**
 * What has to be loaded before a module: its dependencies, and those it cannot name by symbol ("softdep: pre").
 * @param {Map<string, string[]>} info
 */
export function prerequisites(info) {
  const words = (/** @type {string} */ text, /** @type {RegExp} */ separator) =>
    text.split(separator).filter(Boolean).map(moduleName);
  const hard = (info.get('depends') ?? []).flatMap((text) => words(text, /,/));
  const soft = (info.get('softdep') ?? []).flatMap((text) => {
    const before = /\bpre:\s*([^:]*?)(?=\s*(?:\bpost:|$))/.exec(text)?.[1] ?? '';
    return words(before, /\s+/);
  });
  return { hard, soft };
}
