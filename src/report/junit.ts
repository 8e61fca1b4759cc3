/**
 * JUnit XML, as CI servers read it: the elements and attributes of Ant's JUnit report, with properties per case
 * (https://github.com/testmoapp/junitxml).
 * @module
 */
import { escapeXml } from "../web/escape.ts";

export interface JunitSuite {
  name: string;
  /** When it began, in Unix epoch milliseconds. */
  timestamp: number;
  /** How long it took. */
  seconds: number;
  cases: readonly JunitCase[];
}

export interface JunitCase {
  name: string;
  /** What CI servers group by; dots make levels. */
  classname: string;
  seconds: number;
  /** `message` in one line, `text` in full. */
  failure?: { message: string; text: string };
  /** Why it was skipped. */
  skipped?: string;
  properties?: readonly (readonly [name: string, value: string])[];
  /** Shown beneath the case. */
  systemOut?: string;
}

/**
 * The whole document. Left out of every text: terminal colours, and what XML cannot hold (control characters, halves of
 * surrogate pairs).
 */
export function junit(suites: readonly JunitSuite[]): string {
  const counts = countsOf(suites.flatMap(({ cases }) => cases));
  const seconds = suites.reduce((sum, suite) => sum + suite.seconds, 0);
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites${attributes({ name: "chaoslab", ...counts, time: showTime(seconds) })}>`,
    ...suites.flatMap(suiteLines),
    "</testsuites>",
    "",
  ].join("\n");
}

function suiteLines({ name, timestamp, seconds, cases }: JunitSuite): string[] {
  // Ant's schema knows neither fractions nor zones; what is meant is UTC.
  const began = new Date(timestamp).toISOString().slice(0, 19);
  return [
    `  <testsuite${attributes({ name, timestamp: began, ...countsOf(cases), errors: "0", time: showTime(seconds) })}>`,
    ...cases.flatMap(caseLines),
    "  </testsuite>",
  ];
}

function caseLines({ name, classname, seconds, failure, skipped, properties, systemOut }: JunitCase) {
  const parts = [
    ...(properties?.length
      ? ["      <properties>", ...properties.map(propertyLine), "      </properties>"]
      : []),
    ...(failure
      ? [`      <failure${attributes({ message: failure.message })}>${content(failure.text)}</failure>`]
      : []),
    ...(skipped === undefined ? [] : [`      <skipped${attributes({ message: skipped })}/>`]),
    ...(systemOut === undefined ? [] : [`      <system-out>${content(systemOut)}</system-out>`]),
  ];
  const opening = `    <testcase${attributes({ name, classname, time: showTime(seconds) })}`;
  return parts.length === 0 ? [`${opening}/>`] : [`${opening}>`, ...parts, "    </testcase>"];
}

const propertyLine = ([name, value]: readonly [string, string]): string =>
  `        <property${attributes({ name, value })}/>`;

function countsOf(cases: readonly JunitCase[]): Record<string, string> {
  return {
    tests: String(cases.length),
    failures: String(cases.filter(({ failure }) => failure).length),
    skipped: String(cases.filter(({ skipped }) => skipped !== undefined).length),
  };
}

const showTime = (seconds: number): string => seconds.toFixed(3);

const attributes = (values: Readonly<Record<string, string>>): string =>
  Object.entries(values)
    .map(([name, value]) => ` ${name}="${inQuotes(value)}"`)
    .join("");

/** A reader turns breaks and tabs in an attribute into blanks, and carriage returns anywhere into line feeds. */
const inQuotes = (text: string): string =>
  content(text).replace(/[\t\n]/g, (character) => `&#${character.charCodeAt(0)};`);
const content = (text: string): string => escapeXml(permitted(text)).replaceAll("\r", "&#13;");

/** Char of XML 1.0, section 2.2. */
const permitted = (text: string): string =>
  Bun.stripANSI(text).replace(/[^\t\n\r\u{20}-\u{d7ff}\u{e000}-\u{fffd}\u{10000}-\u{10ffff}]/gu, "");
