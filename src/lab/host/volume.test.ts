import { expect, test } from "bun:test";
import { mountsBelow } from "./volume.ts";

test("mounts of a lab are found deepest first, and those of its namesakes are not", () => {
  const mounts = [
    "/dev/loop0 /s/labs/lab/volumes/pg ext4 rw 0 0",
    "tmpfs /s/labs/lab/volumes/pg/inner\\040one tmpfs rw 0 0",
    "tmpfs /s/labs/lab2/volumes/pg tmpfs rw 0 0",
    "tmpfs / tmpfs rw 0 0",
  ].join("\n");
  expect(mountsBelow("/s/labs/lab", mounts)).toEqual([
    "/s/labs/lab/volumes/pg/inner one",
    "/s/labs/lab/volumes/pg",
  ]);
});
