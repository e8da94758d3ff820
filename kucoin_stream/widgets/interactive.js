// An interactive picture on a canvas: hover, zoom and pan, from what buffers.py packs.
// Elements and colours come from interactive.py, words as HTML.

const ROW = 18; // px, a line of the ladder
const AXIS = 16; // px, the labels under a plot
const ALIVE = 60_000; // ms between reports that it is still in sight
const CALM = 500; // ms between drawings with little motion

const { abs, ceil, floor, max, min, round } = Math;
const clamp = (value, low, high) => min(high, max(low, value));
const formats = {};
const fixed = (digits) => new Intl.NumberFormat("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });
const number = (value, digits) => isFinite(value) ? (formats[digits] ||= fixed(digits)).format(value) : "–";
const scaled = (value, [divisor, decimals, unit]) => number(value / divisor, decimals) + unit;
const utc = (seconds, from, to) => new Date((seconds || 0) * 1000).toISOString().slice(from, to).replace("T", " ");

function decode(view) { // pack() in buffers.py
	if (!view?.byteLength) return [];
	const values = new Float64Array(view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength));
	let at = 1 + values[0];
	return Array.from(values.subarray(1, at), (length) => values.subarray(at, at += length));
}

function marks(low, high, count) { // round numbers between, and their decimals
	const wanted = (high - low) / max(1, count), power = 10 ** floor(Math.log10(wanted));
	const factor = [1, 2, 2.5, 5, 10].find((each) => each * power >= wanted * 0.707), step = factor * power;
	const decimals = max(0, -floor(Math.log10(step) + 1e-9) + (factor === 2.5)), first = ceil(low / step);
	return Array.from({ length: clamp(floor(high / step) - first + 1, 0, 40) }, (_, k) => [(first + k) * step, decimals]);
}

// Draws in CSS px. A plot is `span` by `base`, its values at the right.
function pencil(canvas, width, height, inks) {
	const ratio = devicePixelRatio || 1, g = canvas.getContext("2d"), font = getComputedStyle(canvas).fontFamily;
	const size = { width: round(width * ratio), height: round(height * ratio) }, base = height - AXIS;
	if (canvas.width !== size.width || canvas.height !== size.height) Object.assign(canvas, size);
	g.setTransform(size.width / width, 0, 0, size.height / height, 0, 0);
	g.clearRect(0, 0, width, height);
	g.textBaseline = "middle";
	const sharp = (at) => (floor(at * ratio) + 0.5) / ratio;
	const text = (words, x, y, ink, textAlign = "left", px = 12, weight = 400, lineWidth = 0) => {
		Object.assign(g, { font: `${weight} ${px}px ${font}`, fillStyle: inks[ink], strokeStyle: inks.paper, lineWidth, textAlign, globalAlpha: 1 });
		if (lineWidth) g.strokeText(words, x, y);
		g.fillText(words, x, y);
	};
	const wide = (words) => {
		g.font = `600 11px ${font}`;
		return g.measureText(words).width + 12;
	};
	const box = (x, y, span, down, ink, globalAlpha = 1) => {
		Object.assign(g, { globalAlpha, fillStyle: inks[ink] });
		g.fillRect(x, y, span, down);
	};
	const path = (points, ink, dash = [], globalAlpha = 1, lineWidth = 1) => {
		Object.assign(g, { globalAlpha, strokeStyle: inks[ink], lineWidth });
		g.setLineDash(dash);
		g.beginPath();
		points.forEach(([x, y]) => g.lineTo(x, y)); // passes NaN over
		g.stroke();
	};
	const plot = (words) => max(10, width - wide(words));
	const level = (y, to, ...look) => path([[0, sharp(y)], [to, sharp(y)]], ...look);
	const post = (x, from, to, ...look) => path([[sharp(x), from], [sharp(x), to]], ...look);
	const label = (words, x, y, ink) => {
		const span = wide(words) - 4, middle = clamp(y, 8, height - 8);
		const left = clamp(y > base ? x - span / 2 : x, 0, width - span);
		box(left, middle - 8, span, 16, ink);
		text(words, left + 4, middle, "paper", "left", 11, 600);
	};
	const values = (low, high, y, span, tall, [unit, digits, letter], tag) => {
		let found = [];
		for (let count = tall / 50; count < tall / 24 && !found[3]; count++) {
			const finer = marks(low / unit, high / unit, count);
			if (!found[0] || finer[0]?.[1] <= digits) found = finer;
		}
		found.forEach(([value, decimals]) => {
			const at = y(value * unit);
			if (abs(at - tag) < 16) return; // under the last price
			level(at, span, "grey", [], 0.22);
			text(number(value, min(digits, decimals)) + letter, span + 6, at, "muted", "left", 11);
		});
	};
	const under = (words, x, span) => {
		if (x > 22 && x < span - 22) text(words, x, base + 9, "muted", "center", 10);
	};
	const cross = (x, y, span) => {
		post(x, 0, base, "ink", [3, 3], 0.6);
		level(y, span, "ink", [3, 3], 0.6);
	};
	const within = (span, draw) => {
		g.save();
		g.beginPath();
		g.rect(0, 0, span, base);
		g.clip();
		draw();
		g.restore();
	};
	return { g, inks, width, base, wide, text, plot, box, path, level, post, label, values, under, cross, within };
}

const reached = (words, bid, price, total, mid) => [
	[bid ? "bids to" : "asks to", number(price, words.decimals), bid ? "up" : "down"],
	["total", scaled(total, words.scale)],
	["from mid", `${number(abs(price / mid - 1) * 1e4, 2)} bps`],
];

// Each kind draws itself and answers: facts, legend ([name, value, ink]), foot, the keyboard's step in px.

const ladder = {
	draw({ width, text, box, wide }, words, { moving: [[, mid, largest], ...columns] }, { hover }) {
		const middle = width / 2, room = middle - 2, row = floor(hover?.y / ROW) - 1, over = +(hover?.x >= middle);
		const sides = words.heads.map((heads, side) => {
			const [prices, sizes] = columns.slice(2 * side), own = words.own[side];
			let total = 0;
			const totals = sizes.map((size) => total += size), signs = words.signs[side];
			const texts = (values, scale) => Array.from(values, (value) => scaled(value, scale));
			const shown = texts(prices, [1, words.decimals, ""]).map((price, i) => side ? price + signs[i] : signs[i] + price);
			const all = [shown, texts(sizes, words.cells), ...own, texts(totals, words.cells)];
			return { prices, totals, own: own[0] || "", texts: heads.map(([name], k) => [name, ...all[k]]) };
		});
		const spans = words.heads[0].map((_, k) => wide("0".repeat(max(...sides.flatMap(({ texts }) => texts[k].map((each) => each.length))))));
		let used = spans.reduce((sum, each) => sum + each);
		while (used > room && spans[1]) used -= spans.pop(); // no room: the total goes first
		sides.forEach(({ totals, own, texts }, side) => {
			const out = 2 * side - 1;
			totals.forEach((total, i) => {
				const band = (span, ...look) => box(middle + out, (i + 1) * ROW, out * span, ROW, ...look);
				if (own[i]) band(room, "line1", 0.24);
				band(total / largest * room, side ? "down" : "up", side === over && i <= row ? 0.42 : 0.2);
			});
			let at = 0;
			spans.forEach((span, k) => {
				const from = at + 6, [, ink, align] = words.heads[side][k];
				at += span + (room - used) / spans.length;
				const x = middle + out * (side && k ? at : from);
				texts[k].forEach((each, i) => text(each, x, (i + 0.5) * ROW, i ? ink : "muted", align, 12, i - 1 ? 400 : 600));
			});
		});
		const { prices, totals, own } = sides[over], mine = own[row] ? [[`◆ ${words.heads[over][2][0]}`, own[row]]] : [];
		return { ...words, facts: prices[row] ? [...mine, ...reached(words, !over, prices[row], totals[row], mid)] : words.facts };
	},
};

const candles = {
	// New bars do not push away a past that is looked at.
	bars(words, { moving, still }, state) {
		const bars = moving.slice(1).map((column, i) => Float64Array.of(...still[i], ...column));
		const newest = bars[0].at(-1), step = newest - bars[0].at(-2);
		if (state.high < 1 && newest > state.newest && step > 0) pan(state, (state.newest - newest) / step / words.count);
		state.newest = newest;
		return bars;
	},

	draw(pen, words, data, state) {
		const [start, open, high, low, close, volume, ...lines] = data.bars ||= this.bars(words, data, state);
		const { text, box, path, level, post, label, base } = pen, { hover } = state, n = start.length, d = words.decimals;
		const [from, to] = [state.low, state.high].map((edge) => n - (1 - edge) * words.count); // the newest at the right
		const a = clamp(floor(from), 0, n), b = clamp(ceil(to), 0, n), last = close[n - 1];
		let top = max(...high.subarray(a, b)), bottom = min(...low.subarray(a, b));
		if (!(top >= bottom)) [top, bottom] = [1, 0];
		const reach = top - bottom, middle = bottom + reach / 2; // as _range in candles/painter.py
		const beside = words.marks.flatMap(([, , , bar, price]) => bar >= a && bar < b ? price : []);
		const near = beside.concat(...lines.map((line) => [...line.subarray(a, b)])).filter((value) => abs(value - middle) <= reach);
		top = max(top, ...near);
		bottom = min(bottom, ...near);
		if (lines[0]) top += (top - bottom) * 0.08; // the legend
		const space = (top - bottom) * 0.06 || abs(top) * 1e-4 || 1, most = max(...volume.subarray(a, b));
		top += space;
		bottom -= space;
		const span = pen.plot(number(top, d)), step = span / (to - from), plot = round(base * 0.8);
		const x = (i) => (i - from + 0.5) * step, y = (price) => (top - price) / (top - bottom) * plot, tag = y(last);
		const ink = (i) => close[i] >= open[i] ? "up" : "down";

		if (n) pen.values(bottom, top, y, span, plot, [1, d, ""], tag);
		this.times(pen, start, a, b, x, span, words.daily);
		pen.within(span, () => {
			const body = max(1, min(step * 0.72, step - 1));
			for (let i = a; i < b; i++) {
				const left = x(i) - body / 2, bar = volume[i] / most * (base - plot - 4) || 0;
				post(x(i), y(high[i]), y(low[i]), ink(i));
				box(left, y(max(open[i], close[i])), body, max(1, abs(y(open[i]) - y(close[i]))), ink(i));
				box(left, base - bar, body, bar, ink(i), 0.45);
			}
			words.marks.forEach(([sign, , ink, bar, price, px]) => text(sign, x(bar), y(price) + px, ink, "center", 13, 400, 3));
			lines.forEach((line, k) => path(Array.from(line, (value, i) => [x(i), y(value)]), ...words.lines[k], 1, 1.5));
		});
		if (tag >= 0 && tag <= plot) {
			level(tag, span, ink(n - 1), [2, 3]);
			label(number(last, d), span + 2, tag, ink(n - 1));
		}
		const over = b > a && hover?.x < span && hover.y < base;
		const i = over ? clamp(round(hover.x / step + from - 0.5), a, b - 1) : n - 1;
		if (over) {
			pen.cross(x(i), hover.y, span);
			label(utc(start[i], ...words.daily ? [0, 10] : [5, 16]), x(i), base + 8, "ink");
			if (hover.y < plot) label(number(top - hover.y / plot * (top - bottom), d), span + 2, hover.y, "ink");
		}
		const change = (close[i] / (i ? close[i - 1] : open[i]) - 1) * 100 || 0;
		return {
			step,
			facts: n ? [
				["close", `${number(close[i], d)} ${change < 0 ? "" : "+"}${change.toFixed(2)} % ${ink(i) === "up" ? "▲" : "▼"}`, ink(i)],
				...over ? words.marks.filter((mark) => mark[3] === i) : [],
				["open", number(open[i], d)], ["high", number(high[i], d)], ["low", number(low[i], d)], ["volume", scaled(volume[i], words.scale)],
			] : [],
			legend: words.legend.map(([name, ink, ...own]) => [name, own.map((k, at) => `<i>${at ? " / " : ""}${number(lines[k][i], d)}</i>`).join(""), ink]),
			foot: `${b - a} of ${number(words.held, 0)} ${words.foot}`,
		};
	},

	times({ post, under, base }, start, a, b, x, span, daily) { // where a round time begins
		const wanted = (start[b - 1] - start[a]) / span * 110 / 60;
		const step = 60 * ([1, 2, 5, 10, 15, 30, 60, 120, 240, 720, 1440, 2880, 10080].find((each) => each >= wanted) ?? 43200);
		const begins = (i, period) => floor(start[i] / period) !== floor(start[i - 1] / period);
		for (let i = max(1, a); i < b; i++) {
			if (!begins(i, step)) continue;
			post(x(i), 0, base, "grey", [], 0.14);
			under(utc(start[i], ...daily || begins(i, 86400) ? [5, 10] : [11, 16]), x(i), span);
		}
	},
};

const depth = {
	draw(pen, words, { moving: [[, mid, from, to, ...ends], ...columns] }, { hover, ...state }) {
		const { g, path, label, base } = pen, d = words.decimals, size = (total) => scaled(total, words.scale);
		const [low, high] = [state.low, state.high].map((edge) => from + (to - from) * edge);
		const reach = (price, bid) => {
			const [prices, totals] = columns.slice(bid ? 0 : 2);
			return totals[prices.findLastIndex((each) => bid ? each >= price : each <= price)] || 0;
		};
		const most = (max(reach(low, true), reach(high, false)) || 1) * 1.06, span = pen.plot(size(most));
		const x = (price) => (price - low) / (high - low) * span, y = (total) => base - total / most * (base - 4);
		pen.values(most / 100, most, y, span, base, words.scale);
		for (const [value, decimals] of marks(low, high, span / 110)) pen.under(number(value, min(d, decimals)), x(value), span);
		pen.within(span, () => {
			["up", "down"].forEach((ink, side) => {
				let at = base;
				const [prices, totals] = columns.slice(2 * side);
				path([...[...prices].flatMap((price, i) => [[x(price), at], [x(price), at = y(totals[i])]]), [x(ends[side]), at]], ink, [], 1, 1.5);
				g.lineTo(x(ends[side]), base);
				Object.assign(g, { globalAlpha: 0.22, fillStyle: pen.inks[ink] });
				g.fill();
			});
			pen.post(x(mid), 0, base, "muted", [4, 4]);
		});
		const answer = { ...words, step: 4 };
		if (hover?.x < span && hover.y < base) {
			const price = low + hover.x / span * (high - low), bid = price < mid, total = reach(price, bid);
			pen.cross(hover.x, y(total), span);
			label(number(price, d), hover.x, base + 8, "ink");
			label(size(total), span + 2, y(total), bid ? "up" : "down");
			answer.facts = reached(words, bid, price, total, mid);
		}
		return answer;
	},
};

// What is looked at: from `low` to `high` of 0 to 1.
function pan(state, by) {
	const move = clamp(by, -state.low, 1 - state.high);
	state.low += move;
	state.high += move;
}

function render({ model, el }) {
	el.innerHTML = model.get("frame");
	const all = (name) => [...el.querySelectorAll(`[data-${name}]`)].map((each) => [each.dataset[name], each]);
	const ui = Object.fromEntries(all("part")), probes = all("ink"), { canvas } = ui;
	const state = { low: 0, high: 1 }, end = new AbortController(), { signal } = end, shown = {};
	let data, answer = { facts: [], legend: [], foot: "" }, frame, timer;

	// drawing: once for any number of messages

	const draw = () => { if (!signal.aborted) frame ||= requestAnimationFrame(paint); };
	const arrive = () => {
		if (!model.get("held")) data = null;
		if (matchMedia("(prefers-reduced-motion)").matches) timer ||= setTimeout(() => { timer = 0; draw(); }, CALM);
		else draw();
	};

	function paint() {
		frame = 0;
		data ||= {
			words: { ...model.get("words"), ...model.get("told") },
			still: decode(model.get("still")), moving: decode(model.get("moving")),
		};
		const { words, moving } = data, held = model.get("held"), width = ui.body.clientWidth;
		if (!width) return;
		ui.body.style.height = `${words.height}px`;
		const inks = Object.fromEntries(probes.map(([name, probe]) => [name, getComputedStyle(probe).color]));
		if (moving.length) answer = { ladder, candles, depth }[words.kind].draw(pencil(canvas, width, words.height, inks), words, data, state);
		canvas.style.opacity = words.cover ? 0.4 : 1;
		const list = (rows) => rows.map(([name, value, ink = "ink"]) => `<span>${name} <b style="color:${inks[ink]}">${value}</b></span>`).join(" ");
		const parts = {
			head: words.head, cover: words.cover, left: answer.foot,
			facts: list(answer.facts), legend: list(answer.legend),
			right: moving.length ? `${held ? "held at" : "updated"} ${utc(moving[0][0], 11, 23)} UTC` : "",
			hold: held ? "resume" : "freeze",
		};
		for (const part in parts) if (shown[part] !== parts[part]) ui[part].innerHTML = shown[part] = parts[part];
		[0, 1, 2].find((less) => { // values are left out, for two lines
			ui.legend.dataset.less = less;
			return ui.legend.scrollHeight < 33;
		});
		ui.hold.ariaPressed = held;
		ui.whole.hidden = state.high - state.low > 0.9999;
		ui.figure.ariaLabel = words.label + (held ? ", held still" : "");
	}

	// the reader's hand

	const listen = (target, names, heard, options) => names.split(" ").forEach((name) => target.addEventListener(name, heard, { signal, ...options }));
	const least = () => model.get("words").least;
	const zoom = (at, factor) => {
		const span = state.high - state.low, wanted = clamp(span * factor, least(), 1);
		state.low += (span - wanted) * at;
		state.high = state.low + wanted;
		pan(state, 0);
	};
	const aside = (px) => pan(state, px / across() * (state.high - state.low));
	const whole = () => { state.low = 0; state.high = 1; draw(); };
	const hold = () => { model.set("held", !model.get("held")); model.save_changes(); };
	const across = () => canvas.clientWidth || 1;
	const fingers = new Map();
	let armed; // a wheel that scrolls the page does not zoom what comes under it

	listen(canvas, "pointerdown", (event) => {
		armed = true;
		if (event.button) return;
		fingers.set(event.pointerId, event.offsetX);
		canvas.setPointerCapture(event.pointerId);
	});
	listen(canvas, "pointermove", ({ pointerId, offsetX: x, offsetY: y, movementX, movementY }) => {
		armed ||= movementX || movementY;
		state.hover = { x, y };
		const before = fingers.get(pointerId), [, other] = [...fingers].find(([id]) => id !== pointerId) || [];
		const apart = (at) => max(8, abs(at - other));
		if (before != null && least()) {
			if (other != null) zoom((x + other) / 2 / across(), apart(before) / apart(x));
			else aside(before - x);
			fingers.set(pointerId, x);
		}
		draw();
	});
	listen(canvas, "pointerup pointercancel", (event) => fingers.delete(event.pointerId));
	listen(canvas, "pointerleave blur", () => { armed = state.hover = null; draw(); });
	listen(canvas, "wheel", (event) => {
		if (!least() || !(armed || event.ctrlKey)) return;
		event.preventDefault();
		if (abs(event.deltaX) > abs(event.deltaY)) aside(event.deltaX);
		else zoom(event.offsetX / across(), Math.exp(clamp(event.deltaY, -200, 200) / 400));
		draw();
	}, { passive: false });
	const read = (x, y) => {
		const at = state.hover || { x: 99, y: 9 };
		state.hover = { x: clamp(at.x + x, 1, across() - 1), y: clamp(at.y + y, 1, canvas.clientHeight - 1) };
	};
	const arrows = { Left: [-1, 0], Right: [1, 0], Up: [0, -1], Down: [0, 1] };
	listen(canvas, "keydown", (event) => {
		const { key } = event, [x, y] = arrows[key.slice(5)] || [];
		if (event.ctrlKey || event.metaKey || event.altKey) return;
		if (y || x && (event.shiftKey || !least())) read(x * (answer.step || across() / 2), y * ROW);
		else if (x) aside(x * across() / 10);
		else if (least() && "+=-".includes(key)) zoom(state.high > 0.9999 ? 1 : 0.5, key === "-" ? 1.25 : 0.8);
		else if (key === "0") whole();
		else if (key === " ") hold();
		else if (key === "Escape") state.hover = null;
		else return;
		event.preventDefault();
		event.stopPropagation();
		draw();
	});
	listen(canvas, "click", () => canvas.focus()); // which a notebook takes
	listen(ui.whole, "click", whole);
	listen(ui.hold, "click", hold);

	// its sight, size and theme

	const view = `${Math.random()}`;
	let inView, told;
	const report = (again) => {
		const visible = inView && !document.hidden;
		if (visible === told && again !== true) return;
		model.send({ view, visible: told = visible });
		draw();
	};
	const seen = new IntersectionObserver((entries) => { inView = entries.at(-1).isIntersecting; report(); });
	const sized = new ResizeObserver(draw), themed = new MutationObserver(draw);
	seen.observe(el);
	sized.observe(ui.body);
	for (const each of [document.body, document.documentElement]) themed.observe(each, { attributes: true });
	listen(document, "visibilitychange", report);
	listen(window, "pagehide", () => model.send({ view, visible: told = false }));
	const alive = setInterval(report, ALIVE, true);
	const changes = ["change:words", "change:moving", "change:held"];
	changes.forEach((name) => model.on(name, arrive));
	draw();

	return () => {
		end.abort();
		cancelAnimationFrame(frame);
		clearTimeout(timer);
		clearInterval(alive);
		changes.forEach((name) => model.off(name, arrive));
		for (const each of [seen, sized, themed]) each.disconnect();
		el.replaceChildren();
		model.send({ view, gone: true });
	};
}

export default { render };
