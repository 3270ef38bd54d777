import { ImageError } from '../../errors.js';
import { indexTypes, manifestTypes, quoted } from '../layout.js';

const known: readonly string[] = [...manifestTypes, ...indexTypes];
const [ociManifest = ''] = manifestTypes;
const [ociIndex = ''] = indexTypes;
const schemaOne = /^application\/vnd\.docker\.distribution\.manifest\.v1\+(?:pretty)?(?:json|jws)$/;

/**
 * What a document of a registry is: by its own word, else by the header's, else by what is in it. One that could be taken for two things
 * is refused, since its digest would be right for both.
 *
 * @throws ImageError
 */
export function documentType(
  header: string | undefined,
  content: Record<string, unknown>,
  what: string,
): string {
  const said = header?.split(';')[0]?.trim().toLowerCase();
  const own = typeof content.mediaType === 'string' ? content.mediaType : undefined;
  if (content.schemaVersion === 1 || schemaOne.test(own ?? said ?? '') || schemaOne.test(said ?? ''))
    throw new ImageError(
      `${what} is a manifest of Docker's schema 1, which registries have given up. Push the image again with a tool of today.`,
    );
  if (content.manifests !== undefined && (content.layers !== undefined || content.config !== undefined))
    throw new ImageError(`The manifest of ${what} is ambiguous: it has both layers and manifests.`);
  const sent = said !== undefined && known.includes(said) ? said : undefined;
  if (own !== undefined && sent !== undefined && own !== sent)
    throw new ImageError(
      `The manifest of ${what} is ambiguous: sent as ${sent}, it calls itself ${quoted(own)}.`,
    );
  const type =
    own ??
    sent ??
    (content.manifests !== undefined ? ociIndex : content.layers !== undefined ? ociManifest : said);
  if (type === undefined || !known.includes(type))
    throw new ImageError(
      `${what} is of the type ${quoted(type ?? 'none')}, which is not known here: neither a manifest nor an index.`,
    );
  if (indexTypes.includes(type) !== (content.manifests !== undefined))
    throw new ImageError(`The manifest of ${what} is not what it says it is, ${type}.`);
  return type;
}
