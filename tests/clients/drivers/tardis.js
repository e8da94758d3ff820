// tardis-dev: its own checks of sequences, its own normal form of trades, books, quotes and derivatives; URLs aside.
'use strict';

const path = require('path');
const tardis = require('tardis-dev');

const [url] = process.argv.slice(2);
const FEEDS = path.join(path.dirname(require.resolve('tardis-dev')), 'realtimefeeds');
const SECONDS = 8;

function point(feed, address) {
  Object.defineProperty(feed.prototype, '_httpURL', { get: () => address, set() {} }); // each instance sets KuCoin's
}

async function watch(exchange, symbols, kinds) {
  const seen = Object.fromEntries(symbols.map((symbol) => [symbol, new Set()]));
  const books = Object.fromEntries(symbols.map((symbol) => [symbol, new tardis.OrderBook()]));
  const wrong = [];
  const onError = (error) => wrong.push(String(error));
  const end = Date.now() + SECONDS * 1000;
  for await (const message of tardis.streamNormalized({ exchange, symbols, onError }, ...kinds)) {
    seen[message.symbol].add(message.isSnapshot ? 'snapshot' : message.type);
    if (Object.values(message).some(Number.isNaN)) wrong.push(JSON.stringify(message));
    if (message.type === 'book_change') {
      const book = books[message.symbol];
      book.update(message);
      if (book.bestBid().price >= book.bestAsk().price) wrong.push(`${message.symbol} is crossed`);
    }
    if (Date.now() > end) break;
  }
  return { wrong, seen: Object.fromEntries(symbols.map((symbol) => [symbol, [...seen[symbol]].sort()])) };
}

async function main() {
  point(require(path.join(FEEDS, 'kucoin.js')).KucoinRealTimeFeed, `${url}/api`);
  point(require(path.join(FEEDS, 'kucoinfutures.js')).KucoinFuturesRealTimeFeed, `${url}/futures/api`);
  const kinds = [tardis.normalizeTrades, tardis.normalizeBookChanges, tardis.normalizeBookTickers];
  const [spot, futures] = await Promise.all([
    watch('kucoin', ['BTC-USDT', 'ETH-USDT'], kinds),
    watch('kucoin-futures', ['XBTUSDTM', 'ETHUSDTM'], [...kinds, tardis.normalizeDerivativeTickers]),
  ]);
  console.log(`\n${JSON.stringify({ spot, futures })}`);
  process.exit(0);
}

main().catch((error) => { console.error(error); process.exit(1); });
