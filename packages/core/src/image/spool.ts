import { randomBytes } from 'node:crypto';
import { mkdirSync, unlinkSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { ImageError } from '../errors.js';

const chunkSize = 1024 * 1024;

/** A file without a name: whatever becomes of this process, nothing of it stays. */
export async function openSpool(directory: string): Promise<FileHandle> {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const path = join(directory, `.new-${randomBytes(6).toString('hex')}`);
  const file = await open(path, 'wx+', 0o600);
  unlinkSync(path);
  return file;
}

/** A part of a file as a stream. The file stays open, and can be closed before the stream has ended. */
export function streamOf(file: FileHandle, start: number, length: number): Readable {
  return Readable.from(piecesOf(file, start, length), { objectMode: false });
}

export async function* piecesOf(file: FileHandle, start: number, length: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < length; ) {
    const wanted = Math.min(chunkSize, length - at);
    const { bytesRead, buffer } = await file.read(Buffer.allocUnsafe(wanted), 0, wanted, start + at);
    if (bytesRead === 0) throw new ImageError('A file became shorter while it was read.');
    at += bytesRead;
    yield buffer.subarray(0, bytesRead);
  }
}
