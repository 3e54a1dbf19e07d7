import type {
  ByteArray,
  DockerResponse as DockerResponseFace,
  RegistryError,
} from "../docker_response.ts";
import { type HttpError, InvalidContentError } from "../errors.ts";
import { bareMediaType } from "../content/media_types.ts";

/** The request that a response answers, for its error. */
interface Asked {
  method: string;
  url: string;
  redact?: (words: string) => string;
}

/** A registry's response, with the reading methods that `docker_registry_client` has. */
export type DockerResponse = DockerResponseFace;

/** What makes a {@linkcode DockerResponse}, as `Response` makes a response. */
export interface DockerResponseConstructor {
  /** A response of a body and what `Response` takes beside it. */
  new (body?: BodyInit | null, init?: ResponseInit): DockerResponse;
  /** What its responses inherit. */
  readonly prototype: DockerResponse;
}

/** What `console.log` asks for on Node and Bun, and what Deno's own `Response` has in its place. */
const INSPECT = Symbol.for("nodejs.util.inspect.custom");
const DENO_INSPECT = Symbol.for("Deno.privateCustomInspect");

type Inspect = (value: unknown, options: unknown) => string;

/** What a refusal says, which is loaded when it is asked for. */
const refusal = () => import("./refusal.ts");

let responseClass: DockerResponseConstructor | undefined;
const requests = new WeakMap<Response, Asked>();

/** The class, made when it is first needed: to name `Response` loads the whole of Node's `fetch`. */
function dockerResponseClass(): DockerResponseConstructor {
  return responseClass ??= class DockerResponse extends Response implements DockerResponseFace {
    decodedBody?: ByteArray;
    #read: Promise<ByteArray> | undefined;

    async dockerBody(): Promise<ByteArray> {
      this.#read ??= this.arrayBuffer().then((buffer) => new Uint8Array(buffer));
      return this.decodedBody ??= await this.#read;
    }

    async dockerJson<T = Record<string, unknown>>(): Promise<T> {
      const bytes = await this.dockerBody();
      try {
        return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
      } catch (cause) {
        const type = bareMediaType(this.headers.get("content-type")) || "no content type";
        throw new InvalidContentError(
          `Cannot read the answer as JSON: ${bytes.byteLength} bytes of ${type}`,
          { cause },
        );
      }
    }

    dockerStream(): ReadableStream<ByteArray> {
      if (this.body !== null) return this.body as ReadableStream<ByteArray>;
      throw new InvalidContentError("Cannot stream the answer: it has no body");
    }

    /** Without its headers: they may hold signed URLs and cookies. */
    [INSPECT](): object {
      const { status, statusText, url } = this;
      return { status, statusText, url };
    }

    [DENO_INSPECT](inspect: Inspect, options: unknown): string {
      return `DockerResponse ${inspect(this[INSPECT](), options)}`;
    }

    async dockerErrors(): Promise<RegistryError[]> {
      const { registryErrors } = await refusal();
      return registryErrors(await this.dockerBody());
    }

    async dockerThrowable(message: string): Promise<HttpError> {
      const { httpError, registryErrors } = await refusal();
      const asked = requests.get(this);
      const errors = registryErrors(await this.dockerBody(), asked?.redact);
      return httpError(message, { resp: this, errors, ...asked });
    }
  };
}

/** The class of a registry's responses; `Response` is its base. */
export const DockerResponse: DockerResponseConstructor = /* @__PURE__ */ new Proxy(
  function () {} as unknown as DockerResponseConstructor,
  {
    get: (_stand_in, key) => Reflect.get(dockerResponseClass(), key),
    has: (_stand_in, key) => Reflect.has(dockerResponseClass(), key),
    construct: (_stand_in, args, made) => Reflect.construct(dockerResponseClass(), args, made),
  },
);

/** A response like another one, whose body this one takes over, or with a body that was read. */
export function dockerResponse(
  response: Response,
  asked: Asked,
  body: BodyInit | null = response.body,
): DockerResponse {
  const made = new (dockerResponseClass())(body, response);
  // A response that was made has no URL of its own.
  Object.defineProperty(made, "url", { value: asked.url });
  requests.set(made, asked);
  return made;
}
