/**
 * A node's own sized file system: an ext4 image behind a loop device, so that a full disk is really full;
 * a tmpfs of the same size where the host has no loop devices.
 * @module
 */
import { closeSync, ftruncateSync, mkdirSync, openSync, readFileSync } from "node:fs";
import { exec } from "../exec.ts";
import type { LabPaths } from "./record.ts";

export const PRIMARY_VOLUME_BYTES = 768 * 1024 * 1024;

/** Makes and mounts the volume; returns what it is, for the boot's output. */
export async function createVolume(paths: LabPaths, node: string, bytes: number): Promise<"ext4" | "tmpfs"> {
  const image = paths.volumeImage(node);
  const mountPoint = paths.volume(node);
  mkdirSync(mountPoint, { recursive: true });
  const fd = openSync(image, "w", 0o600);
  ftruncateSync(fd, bytes);
  closeSync(fd);
  await exec(["mkfs.ext4", "-q", "-F", "-m", "0", image]);
  const mounted = await exec(["mount", "-o", "loop,noatime", image, mountPoint], { allowFailure: true });
  if (mounted.code === 0) return "ext4";
  await exec(["mount", "-t", "tmpfs", "-o", `size=${bytes},mode=0755`, "chaoslab", mountPoint]);
  return "tmpfs";
}

/** Mount points at or below a folder, deepest first, as the kernel has them. */
export function mountsBelow(dir: string, mounts = readFileSync("/proc/self/mounts", "utf8")): string[] {
  return mounts
    .split("\n")
    .map((line) =>
      (line.split(" ")[1] ?? "").replace(/\\(\d{3})/g, (_, octal: string) =>
        String.fromCharCode(Number.parseInt(octal, 8)),
      ),
    )
    .filter((point) => point === dir || point.startsWith(`${dir}/`))
    .sort((a, b) => b.length - a.length);
}

/** Unmounts all below the lab's folder; the loop device goes with its mount (autoclear). */
export async function removeVolumes(paths: LabPaths): Promise<void> {
  for (const point of mountsBelow(paths.dir)) {
    const plain = await exec(["umount", point], { allowFailure: true });
    if (plain.code !== 0) await exec(["umount", "--lazy", point]);
  }
}
