/**
 * A Redis client that connects in the background, and again by itself.
 * @module
 */
import { Redis } from "ioredis";
import { type Log, reasonOf } from "./log.ts";

/**
 * @param name shown by CLIENT LIST.
 * @param commandMs commands fail when there is no connection, or no answer in this time. Null: they wait in the client.
 */
export function connectRedis(url: string, name: string, log: Log, commandMs: number | null = null): Redis {
  const impatient = { enableOfflineQueue: false, maxRetriesPerRequest: 0, commandTimeout: commandMs ?? 0 };
  const redis = new Redis(url, { connectionName: name, ...(commandMs !== null && impatient) });
  redis.on("ready", () => log.info("redis connected"));
  // Without a listener ioredis writes each failed attempt to the console by itself.
  redis.on("error", (error) => log.repeating("warn", "redis connection failed", { reason: reasonOf(error) }));
  return redis;
}
