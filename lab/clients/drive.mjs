/*
 * Opens pages with Element Call in Chromium and tells what each comes to: one line of JSON per page on standard output.
 *
 * Standard input is JSON: {chromium, rules, patience, pages: [{name, url, storage, kept}]}. `storage` is what stands in
 * localStorage before the page runs, for Element Call by itself; `kept` is the stem of a page's log and picture. A page
 * is done when a service handed out a token, when Element Call shows an error code, `patience` seconds after its search
 * for a focus first failed at something, or after thrice as long. A line is {name, token, code, failed, seconds}: the
 * URL that handed out the token, the code, whether something failed, and how long it took.
 */
import { writeFile } from "node:fs/promises";
import { text } from "node:stream/consumers";
import { chromium } from "playwright-core";

const SEARCH = /\/(sfu\/get|get_token|rtc\/transports|\.well-known\/matrix\/client)$/;
const TOKEN = /\/(sfu\/get|get_token)$/;
const CODE = /\b(MISSING_MATRIX_RTC_(FOCUS|TRANSPORT)|[A-Z0-9_]+_ERROR|NO_MATRIX_2[A-Z0-9_]+)\b/;
const POLL_MS = 200;
const SLOW_START_MS = 15_000;

/** One page: what it comes to, and when it needs no processor any more but waits for its next try. */
class Visit {
  log = [];
  token = null;
  code = null;
  failed = null;

  constructor(job) {
    this.job = job;
    this.waits = new Promise((resolve) => (this.nowWaits = resolve));
  }

  fail(request) {
    this.log.push(`${request.method()} ${request.url()}: ${request.failure()?.errorText}`);
    if (!SEARCH.test(request.url())) return;
    this.failed ??= performance.now();
    this.nowWaits();
  }

  watch(page) {
    page.on("console", (message) => this.log.push(`${message.type()}: ${message.text()}`));
    page.on("pageerror", (error) => this.log.push(`uncaught: ${error.message}`));
    page.on("requestfailed", (request) => this.fail(request));
    page.on("response", (response) => {
      const request = response.request();
      this.log.push(`${request.method()} ${request.url()}: ${response.status()}`);
      if (request.method() === "POST" && response.ok() && TOKEN.test(request.url())) this.token ??= request.url();
    });
  }

  async shown(page) {
    const texts = page.frames().map((frame) => frame.evaluate(() => document.body?.innerText ?? ""));
    const results = await Promise.allSettled(texts); // a frame that is being replaced has no text
    return results.map((result) => result.value ?? "").join("\n");
  }

  done(begun, patience) {
    const late = (since, seconds) => since !== null && performance.now() - since > seconds * 1000;
    return this.token !== null || this.code !== null || late(this.failed, patience) || late(begun, 3 * patience);
  }

  async end(page, patience) {
    const begun = performance.now();
    try {
      await page.goto(this.job.url);
      if (this.job.storage) {
        const join = page.getByRole("button", { name: "Join call" });
        await join.evaluate((button) => button.click(), null, { timeout: patience * 1000 });
        this.failed = null; // until now it was not the call that asked
      }
    } catch (error) {
      if (error.name !== "TimeoutError") throw error;
      this.log.push(`not loaded: ${error.message}`);
    }
    while (!this.done(begun, patience)) {
      await page.waitForTimeout(POLL_MS);
      this.code = CODE.exec(await this.shown(page))?.[0] ?? null;
    }
    const seconds = (performance.now() - begun) / 1000;
    return { name: this.job.name, token: this.token, code: this.code, failed: this.failed !== null, seconds };
  }

  async run(browser, patience) {
    const context = await browser.newContext({ ignoreHTTPSErrors: true, viewport: { width: 800, height: 600 } });
    if (this.job.storage) {
      await context.addInitScript((items) => {
        for (const [key, value] of Object.entries(items)) localStorage.setItem(key, value);
      }, this.job.storage);
    }
    const page = await context.newPage();
    this.watch(page);
    const found = await this.end(page, patience);
    if (found.token === null) await page.screenshot({ path: `${this.job.kept}.png` });
    await writeFile(`${this.job.kept}.log`, `${this.log.join("\n")}\n`);
    await context.close();
    this.nowWaits();
    console.log(JSON.stringify(found));
  }
}

const told = JSON.parse(await text(process.stdin));
const browser = await chromium.launch({
  executablePath: told.chromium,
  args: [`--host-resolver-rules=${told.rules}`, "--ignore-certificate-errors", "--disable-gpu"],
});
const visits = [];
for (const job of told.pages) {
  const visit = new Visit(job);
  visits.push(visit.run(browser, told.patience));
  await Promise.race([visit.waits, visits.at(-1), new Promise((resolve) => setTimeout(resolve, SLOW_START_MS))]);
}
await Promise.all(visits);
await browser.close();
