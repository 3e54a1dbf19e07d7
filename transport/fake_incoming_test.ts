import { EventEmitter } from "node:events";

/** A response as `node:http` would receive it, by the test's word. */
export class Incoming extends EventEmitter {
  statusCode = 200;
  statusMessage = "OK";
  rawHeaders: string[] = [];
  complete = false;
  paused = false;
  destroyed = false;

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    this.paused = false;
  }

  destroy(): void {
    this.destroyed = true;
  }

  override on(event: string, listener: (value: never) => void): this {
    return super.on(event, listener as (value: unknown) => void);
  }
}
