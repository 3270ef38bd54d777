/**
 * What a pull is at, with the names of the npm package `microsandbox`. Layers are counted from 0, the lowest. Here layers are not made
 * into file systems one by one, so nothing is told of `layerMaterialize…`, nor of its own formats; `stitch…` is the making of the root.
 */
export type PullProgress =
  | { readonly kind: 'resolving'; readonly reference: string }
  | {
      readonly kind: 'resolved';
      readonly reference: string;
      readonly manifestDigest: string;
      readonly layerCount: number;
      /** Of all layers that are not here yet. */
      readonly totalDownloadBytes: number | null;
    }
  | {
      readonly kind: 'layerDownloadProgress';
      readonly layerIndex: number;
      readonly digest: string;
      readonly downloadedBytes: number;
      readonly totalBytes: number | null;
    }
  | {
      /** It is here, and what its digest says. */
      readonly kind: 'layerDownloadComplete';
      readonly layerIndex: number;
      readonly digest: string;
      readonly downloadedBytes: number;
    }
  | { readonly kind: 'layerDownloadVerifying'; readonly layerIndex: number; readonly digest: string }
  | { readonly kind: 'layerMaterializeStarted'; readonly layerIndex: number; readonly diffId: string }
  | {
      readonly kind: 'layerMaterializeProgress';
      readonly layerIndex: number;
      readonly bytesRead: number;
      readonly totalBytes: number;
    }
  | { readonly kind: 'layerMaterializeWriting'; readonly layerIndex: number }
  | { readonly kind: 'layerMaterializeComplete'; readonly layerIndex: number; readonly diffId: string }
  | { readonly kind: 'stitchMergingTrees'; readonly layerCount: number }
  | { readonly kind: 'stitchWritingFsmeta' }
  | { readonly kind: 'stitchWritingVmdk' }
  | { readonly kind: 'stitchComplete' }
  | { readonly kind: 'complete'; readonly reference: string; readonly layerCount: number };

export type PullListener = (progress: PullProgress) => void;

/** When an image is asked of its registry. */
export type PullPolicy = 'always' | 'if-missing' | 'never';

export const PullPolicies: readonly PullPolicy[] = ['always', 'if-missing', 'never'];
