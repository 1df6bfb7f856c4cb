// A line a test file as it ends, the whole message of what failed, and a summary for `papergate test` to read.
import { writeFileSync } from 'node:fs';
import { relative } from 'node:path';
import { stripVTControlCharacters } from 'node:util';

export default class Reporter {
  #root;
  #skipped = [];
  #broken = [];
  #failures = [];

  constructor(globalConfig) {
    this.#root = globalConfig.rootDir;
  }

  onTestResult(_test, result) {
    const file = relative(this.#root, result.testFilePath);
    const seconds = ((result.perfStats.end - result.perfStats.start) / 1000).toFixed(1);
    const failed = result.numFailingTests > 0 || result.testExecError != null;
    const count = `${result.numPassingTests} of ${result.numPassingTests + result.numFailingTests}`;
    process.stdout.write(`${failed ? '✖' : '✔'} ${file} ${count} in ${seconds} s\n`);
    if (result.testExecError != null) this.#broken.push(`${file}: ${firstLine(result.testExecError.message)}`);
    for (const { status, fullName } of result.testResults) {
      if (status === 'pending' || status === 'todo' || status === 'disabled')
        this.#skipped.push(`${file} › ${fullName}`);
    }
    if (!failed) return;
    this.#failures.push({ file, passed: result.numPassingTests, message: plain(result.failureMessage ?? '') });
    if (result.failureMessage) process.stdout.write(`${result.failureMessage}\n`);
    for (const { type, message } of result.console ?? []) process.stdout.write(`  console.${type}: ${message}\n`);
  }

  onRunComplete(_contexts, results) {
    if (results.runExecError != null) this.#broken.push(firstLine(results.runExecError.message));
    const path = process.env.PAPERGATE_JEST_RESULT;
    if (path === undefined) return;
    const { numPassedTests: passed, numFailedTests: failed, numTotalTestSuites: files } = results;
    const told = { skipped: this.#skipped, broken: this.#broken, failures: this.#failures };
    writeFileSync(path, JSON.stringify({ passed, failed, files, ...told }));
  }
}

const plain = (text) => stripVTControlCharacters(String(text)).trim();

const firstLine = (text) => String(text).split('\n', 1)[0];
