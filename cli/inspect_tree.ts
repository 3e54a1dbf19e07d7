import { formatBytes, plainText, shortDigest } from "./format.ts";
import type { InspectedBlob, InspectedManifest } from "./inspect.ts";

/** A line of the tree before it is put into columns. */
interface Row {
  /** The branches before it. */
  branch: string;
  /** What it is: `linux/amd64`, `layer`. */
  label: string;
  /** The digest. */
  digest: string;
  /** The bytes. */
  size: string;
  /** What else there is to say. */
  note: string;
}

const TITLE = "org.opencontainers.image.title";

/** The tree in lines: digests in full where the width allows them, notes as far as it does. */
export function inspectTree(root: InspectedManifest, columns: number): string[] {
  const rows: Row[] = [];
  walk(root, "", "", root.kind);
  const full = columns >= 120;
  const digest = (row: Row) => full ? row.digest : shortDigest(row.digest);
  const left = Math.max(...rows.map(({ branch, label }) => branch.length + label.length));
  const middle = Math.max(...rows.map((row) => digest(row).length));
  const sizes = 9;
  const cut = Math.max(columns, left + middle + sizes + 4);
  return rows.map((row) =>
    [
      `${row.branch}${row.label}`.padEnd(left),
      digest(row).padEnd(middle),
      row.size.padStart(sizes),
      row.note,
    ].join("  ").trimEnd().slice(0, cut)
  );

  function walk(node: InspectedManifest, branch: string, below: string, label: string): void {
    const { digest, size, missing, tag, artifactType, mediaType, describes } = node;
    const note = noteOf([
      describes && `of ${shortDigest(describes)}`,
      missing ? "not here" : artifactType ?? mediaType,
      tag && `tag ${tag}`,
    ]);
    rows.push({ branch, label, digest, size: formatBytes(size), note });
    const children: ((branch: string, below: string) => void)[] = [
      ...(node.manifests ?? []).map((child) => subtree(child, labelOf(child))),
      ...(node.config === undefined ? [] : [leaf(node.config, "config")]),
      ...(node.layers ?? []).map((layer) => leaf(layer, "layer")),
      ...(node.attached ?? []).map((child) => subtree(child, `attached: ${child.kind}`)),
    ];
    children.forEach((add, at) => {
      const last = at === children.length - 1;
      add(`${below}${last ? "└── " : "├── "}`, `${below}${last ? "    " : "│   "}`);
    });
  }

  function subtree(node: InspectedManifest, label: string) {
    return (branch: string, below: string) => walk(node, branch, below, label);
  }

  function leaf(blob: InspectedBlob, label: string) {
    const title = blob.annotations?.[TITLE];
    const note = noteOf([blob.mediaType, title]);
    const { digest, size } = blob;
    return (branch: string) => {
      rows.push({ branch, label, digest, size: formatBytes(size), note });
    };
  }
}

function labelOf({ platform, kind }: InspectedManifest): string {
  return platform === undefined ? kind : plainText(platform);
}

function noteOf(notes: (string | undefined)[]): string {
  return notes.filter((note) => note !== undefined).map(plainText).join("  ");
}
