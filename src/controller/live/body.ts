/** The page's markup, into which its script puts what it is told. @module */

export const BODY = `<header>
  <h1>chaoslab <span id="lab-name"></span></h1>
  <p id="connection" role="status">connecting</p>
</header>
<form id="token-form" class="card" hidden>
  <label for="token">Token of this controller</label>
  <input id="token" type="password" autocomplete="off" required>
  <button>Go on</button>
  <p id="token-error" class="error" role="alert"></p>
</form>
<main id="main" hidden>
  <div class="column">
    <section class="card" aria-labelledby="h-system">
      <h2 id="h-system">System</h2>
      <div id="topology"></div>
      <p class="legend" aria-hidden="true">
        <span class="ready">● ready</span> <span class="warn">◐ starting</span> <span class="bad">✕ down</span>
        <span>■ stopped</span> <span>? not known</span> · breakers:
        <span class="ready">○ closed</span> <span class="warn">◑ half-open</span> <span class="bad">● open</span>
      </p>
      <div class="scroll">
        <table>
          <thead>
            <tr><th scope="col">node</th><th scope="col">state</th><th scope="col">busiest pool</th><th scope="col">breakers</th>
            <th scope="col" class="number">retries</th><th scope="col" class="number">restarts</th></tr>
          </thead>
          <tbody id="nodes"></tbody>
        </table>
      </div>
    </section>
    <section class="card faults" aria-labelledby="h-faults">
      <h2 id="h-faults" tabindex="-1">Active faults</h2>
      <ul id="faults"></ul>
      <p id="no-faults">none</p>
      <button id="revert-all" hidden>Revert all</button>
      <p id="fault-result" role="status"></p>
      <details>
        <summary>Ended in the last ten minutes: <span id="past-count">0</span></summary>
        <ul id="past"></ul>
      </details>
    </section>
    <section class="card" aria-labelledby="h-experiments">
      <div class="title">
        <h2 id="h-experiments">Experiments</h2>
        <button id="experiments-again">Look again</button>
      </div>
      <p id="experiments-problem" class="error" role="alert"></p>
      <div class="scroll">
        <table>
          <thead><tr><th scope="col">experiment</th><th scope="col">last verdicts</th></tr></thead>
          <tbody id="experiments"></tbody>
        </table>
        <h3>Newest runs</h3>
        <table>
          <thead><tr><th scope="col">run</th><th scope="col">state</th><th scope="col">verdicts</th><th scope="col">report</th></tr></thead>
          <tbody id="runs"></tbody>
        </table>
      </div>
    </section>
  </div>
  <div class="column">
    <section class="card" aria-labelledby="h-slis">
      <div class="title">
        <h2 id="h-slis">SLIs, as the api answers</h2>
        <label for="span">Time shown</label>
        <select id="span"><option value="120">2 minutes</option><option value="600">10 minutes</option></select>
      </div>
      <table>
        <thead>
          <tr><th scope="col">operation</th><th scope="col" class="number">answered</th><th scope="col" class="number">errors</th>
          <th scope="col" class="number">p50</th><th scope="col" class="number">p99</th></tr>
        </thead>
        <tbody id="operations"></tbody>
      </table>
      <h3>p99 and p50 (dashed) per second: upper bounds of histogram buckets</h3>
      <div id="chart-latency"></div>
      <h3>answered in 5xx, share per second</h3>
      <div id="chart-errors"></div>
      <h3>answered per second</h3>
      <div id="chart-rate"></div>
    </section>
    <section class="card" aria-labelledby="h-inject">
      <h2 id="h-inject">Inject a fault</h2>
      <form id="inject" novalidate>
        <div id="inject-fields"></div>
        <button>Inject</button>
        <p id="inject-result" role="status"></p>
      </form>
    </section>
    <section class="card" aria-labelledby="h-logs">
      <div class="title">
        <h2 id="h-logs">Log of a node</h2>
        <label for="log-node">Node</label>
        <select id="log-node"></select>
        <label><input id="log-follow" type="checkbox"> follow</label>
        <button id="log-again">Look again</button>
      </div>
      <p id="log-problem" class="error" role="alert"></p>
      <pre id="log" tabindex="0" role="region" aria-label="End of the log"></pre>
    </section>
  </div>
</main>
<noscript>This page needs its script. Without it: chaoslab status, chaoslab faults, chaoslab revert --all.</noscript>`;
