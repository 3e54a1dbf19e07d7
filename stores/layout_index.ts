import { join } from "@std/path";
import { encodeText } from "../content/bytes.ts";
import { checkDescriptor, type Descriptor } from "../content/descriptor.ts";
import { MEDIA_TYPES } from "../content/media_types.ts";
import { InvalidContentError } from "../errors.ts";
import { type FileSystem, isMissing } from "../runtime/files.ts";

/** The annotation that holds a tag. @see https://github.com/opencontainers/image-spec/blob/v1.1.1/image-layout.md */
const REF_NAME = "org.opencontainers.image.ref.name";

const LAYOUT = JSON.stringify({ imageLayoutVersion: "1.0.0" });

/**
 * The `index.json` of an OCI layout: the manifests that the folder is about, and their tags. Other
 * programs' entries and fields are kept as they are.
 */
export class LayoutIndex {
  readonly #folder: string;
  readonly #system: FileSystem;
  /** The last change, so that the next one waits for it. */
  #changes: Promise<void> = Promise.resolve();

  constructor(folder: string, system: FileSystem) {
    this.#folder = folder;
    this.#system = system;
  }

  /** Every entry. None where there is no layout yet. */
  async entries(): Promise<Descriptor[]> {
    return (await this.#read()).manifests;
  }

  /** The entry with a tag, without it. */
  async find(tag: string): Promise<Descriptor | undefined> {
    return (await this.entries()).find((entry) => tagOf(entry) === tag);
  }

  /** Gives a manifest a tag; whatever had it loses it. */
  async tag(descriptor: Descriptor, tag: string): Promise<void> {
    const { annotations, ...bare } = descriptor;
    const entry = { ...bare, annotations: { ...annotations, [REF_NAME]: tag } };
    await this.#change((entries) => {
      const others = entries.filter((other) =>
        tagOf(other) !== tag && (other.digest !== entry.digest || tagOf(other) !== undefined)
      );
      // What loses its last tag stays in the folder, and in its index.
      const lost = entries.find((other) => tagOf(other) === tag && other.digest !== entry.digest);
      const kept = lost === undefined || others.some(({ digest }) => digest === lost.digest)
        ? []
        : [untagged(lost)];
      return [...others, ...kept, entry];
    });
  }

  /** Lists a manifest without a tag, unless it is listed. */
  async add(descriptor: Descriptor): Promise<void> {
    await this.#change((entries) =>
      entries.some(({ digest }) => digest === descriptor.digest)
        ? entries
        : [...entries, { ...descriptor }]
    );
  }

  async #change(change: (entries: Descriptor[]) => Descriptor[]): Promise<void> {
    const turn = this.#changes.then(async () => {
      const { index, manifests } = await this.#read();
      const changed = change(manifests);
      if (changed !== manifests) await this.#write({ ...index, manifests: changed });
    });
    this.#changes = turn.catch(() => {});
    await turn;
  }

  async #read(): Promise<{ index: Record<string, unknown>; manifests: Descriptor[] }> {
    const path = join(this.#folder, "index.json");
    let text: string;
    try {
      text = new TextDecoder().decode(await this.#system.readFile(path));
    } catch (error) {
      if (!isMissing(error)) throw error;
      return { index: { schemaVersion: 2, mediaType: MEDIA_TYPES.ociIndex }, manifests: [] };
    }
    let index: Record<string, unknown>;
    try {
      index = JSON.parse(text);
    } catch (cause) {
      throw new InvalidContentError(`Cannot read ${path}: it is not JSON`, { cause });
    }
    const manifests = index?.manifests ?? [];
    if (typeof index !== "object" || index === null || !Array.isArray(manifests)) {
      throw new InvalidContentError(`Cannot read ${path}: it is not an index`);
    }
    return {
      index,
      manifests: manifests.map((entry, at) => checkDescriptor(entry, `${path} ${at}`)),
    };
  }

  async #write(index: Record<string, unknown>): Promise<void> {
    await this.#replace("index.json", JSON.stringify(index));
    await this.#replace("oci-layout", LAYOUT);
  }

  async #replace(name: string, text: string): Promise<void> {
    await replaceFile(this.#system, join(this.#folder, name), text);
  }
}

/** Writes a small file beside its place, and gives it the place's name when the disk has it. */
async function replaceFile(system: FileSystem, path: string, text: string): Promise<void> {
  const temporary = `${path}.${crypto.randomUUID()}.part`;
  const bytes = encodeText(text);
  const file = await system.open(temporary, "wx");
  try {
    await file.write(bytes, 0, bytes.byteLength, 0);
    await file.sync();
  } finally {
    await file.close();
  }
  await system.rename(temporary, path);
}

/** The tag of an entry. */
export function tagOf(entry: Descriptor): string | undefined {
  return entry.annotations?.[REF_NAME];
}

/** An entry without its tag. */
export function untagged({ annotations, ...rest }: Descriptor): Descriptor {
  const { [REF_NAME]: _tag, ...others } = annotations ?? {};
  return Object.keys(others).length === 0 ? rest : { ...rest, annotations: others };
}
