// SPDX-License-Identifier: GPL-2.0-only
// Draws the frames of the page's data for the width of the window; zoom, search, tooltips, keyboard.
(function () {
"use strict";
var SVG = "http://www.w3.org/2000/svg", HTML = "http://www.w3.org/1999/xhtml";
var ROOT = -1, DEEPER = -2;	// instead of a name's index; from -3 on: merged frames, -2 minus their number
var ROW = 18, TALLEST = 30000, NARROWEST = 0.3, ABOVE_MOST = 12;
var KINDS = ["", "interpreter", "native", "kernel", "", "", ""];

var svg = document.documentElement, frames = byId("frames");
var data = JSON.parse(byId("data").textContent);
var count, level = [], name = [], value = [], start = [], end = [], parent = [], levels = 0;
var zoomed = 0, cursor = -1, pattern = "", matches = null;
var width = 0, margin = 12, top = 0, row = ROW, shown = [], rects = new Map(), cursorBox = null,
	tipFor = -1, writing = false;
var head, input, matched, reset, facts, headBox, tip, tipBox, pen;

function byId(id) { return document.getElementById(id); }

function make(space, tag, attributes, content) {
	var node = document.createElementNS(space, tag);
	for (var key in attributes) node.setAttribute(key, attributes[key]);
	if (content !== undefined) node.textContent = content;
	return node;
}

// ---- data: [level, name, value] of every frame, callers before callees
function decode() {
	var taken = [], open = [], flat = data.frames, deep;
	count = flat.length / 3;
	for (var i = 0; i < count; i++) {
		deep = level[i] = flat[3 * i];
		name[i] = flat[3 * i + 1];
		while (open.length > deep) end[open.pop()] = i;
		var up = deep ? open[deep - 1] : -1;
		parent[i] = up;
		start[i] = up < 0 ? 0 : taken[up];
		value[i] = flat[3 * i + 2];
		if (up >= 0) value[i] = Math.min(value[i], start[up] + value[up] - start[i]);
		if (up >= 0) taken[up] += value[i];
		taken[i] = start[i];
		open.push(i);
		levels = Math.max(levels, deep + 1);
	}
	while (open.length) end[open.pop()] = count;
}

function functionOf(i) {
	var n = name[i];
	return n >= 0 ? data.functions[n] : n === ROOT ? "all" : n === DEEPER ? "[deeper frames]" :
		grouped(-2 - n) + " narrow frames";
}
function placeOf(i) { return name[i] >= 0 ? data.places[name[i]] : ""; }
function kindOf(i) { return name[i] >= 0 ? KINDS[Math.floor(data.colored[name[i]] / data.band)] || "" : ""; }
function colorOf(i) {
	var n = name[i];
	return data.colors[n >= 0 ? data.colored[n] : data.colors.length - (n === ROOT ? 2 : 1)];
}
function grouped(n) { return String(n).replace(/\B(?=(\d{3})+(?!\d))/g, "\u00a0"); }
function amount(v) { return grouped(v) + " " + (v === 1 && data.unit === "samples" ? "sample" : data.unit); }
function percent(part, whole) {
	var p = 100 * part / whole;
	return p > 0 && p < 0.005 ? "<0.01%" : p.toFixed(2) + "%";
}

// ---- text
var measured = new Map();
function textWidth(text) {
	var w = measured.get(text);
	if (w === undefined) {
		w = pen ? pen.measureText(text).width : text.length * 7.2;
		measured.set(text, w);
	}
	return w;
}
function fit(text, room) {
	if (textWidth(text) <= room) return text;
	var low = 0, high = Math.min(text.length, Math.ceil(room / 2));
	while (low < high) {
		var half = (low + high + 1) >> 1;
		if (textWidth(text.slice(0, half) + "\u2026") <= room) low = half; else high = half - 1;
	}
	if (low && /[\ud800-\udbff]/.test(text[low - 1])) low--;
	return low > 1 ? text.slice(0, low) + "\u2026" : "";
}
function shortPlace(place) { return place.replace(/^.*\/(?=[^\/]*\/[^\/]*$)/, ""); }

// ---- drawing
function ancestors(i) {
	var up = [];
	for (i = parent[i]; i >= 0; i = parent[i]) up.unshift(i);
	if (up.length <= ABOVE_MOST || levels * ROW <= TALLEST) return up;
	return up.slice(0, 1).concat(up.slice(1 - ABOVE_MOST));
}

// The frames of the view: [index, row, x, width], by rows.
function visible() {
	var above = ancestors(zoomed), list = [], rows, scale = width / value[zoomed];
	above.forEach(function (i, r) { list.push([i, r, 0, width]); });
	rows = above.length + 1;
	for (var i = zoomed; i < end[zoomed];) {
		var w = value[i] * scale, r = above.length + level[i] - level[zoomed];
		if (w < NARROWEST && i !== zoomed) { i = end[i]; continue; }
		list.push([i, r, (start[i] - start[zoomed]) * scale, w]);
		rows = Math.max(rows, r + 1);
		i++;
	}
	return { list: list, rows: levels * ROW > TALLEST ? rows : levels, above: above.length };
}

function drawFrame(box, to, rows, isAbove) {
	var i = box[0], x = box[2] + margin,
		y = top + (data.inverted ? box[1] : rows - 1 - box[1]) * row, w = box[3];
	var rect = make(SVG, "rect", { x: x.toFixed(2), y: y.toFixed(2),
		width: Math.max(w - (w > 3 ? 1 : w * .2), .2).toFixed(2),
		height: Math.max(row - 1, row * .8).toFixed(2), fill: colorOf(i) });
	var classes = (isAbove ? "above " : "") + (matches && matches[i] ? "hit" : "");
	if (classes) rect.setAttribute("class", classes.trim());
	rect.frame = i;
	to.appendChild(rect);
	rects.set(i, { rect: rect, row: box[1], x: x, y: y, width: w });
	(shown[box[1]] = shown[box[1]] || []).push(i);
	if (w < 22 || row < 13) return;
	var label = fit(functionOf(i), w - 9), place = shortPlace(placeOf(i)),
		left = w - 16 - textWidth(label);
	if (!label) return;
	var text = make(SVG, "text", { x: (x + 4).toFixed(2), y: (y + row - 5).toFixed(2) }, label);
	if (place && label === functionOf(i) && textWidth(place) <= left)
		text.appendChild(make(SVG, "tspan", { "class": "place", dx: "6" }, place));
	to.appendChild(text);
}

// A phone's innerWidth is that of the page as it was; clientWidth is the screen's.
function windowWidth() { return Math.min(svg.clientWidth || Infinity, window.innerWidth || 1200); }

function draw() {
	var full = data.width || Math.max(windowWidth(), 240);
	margin = full < 600 ? 6 : 12;
	width = full - 2 * margin;
	headBox.setAttribute("width", full);
	headBox.setAttribute("height", 400);
	top = head.offsetHeight + 4;
	headBox.setAttribute("height", top);
	var view = visible(), fresh = make(SVG, "g", {});
	row = view.rows * ROW > TALLEST ? TALLEST / view.rows : ROW;
	shown = [];
	rects = new Map();
	view.list.forEach(function (box, n) { drawFrame(box, fresh, view.rows, n < view.above); });
	frames.replaceChildren(fresh);
	var height = Math.ceil(top + view.rows * row + 12);
	svg.setAttribute("width", full);
	svg.setAttribute("height", height);
	svg.setAttribute("viewBox", "0 0 " + full + " " + height);
	svg.setAttribute("data-zoom", zoomed);
	reset.disabled = !zoomed && !pattern;
	showCursor();
	showMatched();
	showFacts();
	stick();
}

// ---- facts about a frame
function shares(i) {
	var text = amount(value[i]) + " \u00b7 " + percent(value[i], value[0]) + " of all";
	return zoomed && start[i] >= start[zoomed] && value[i] <= value[zoomed] && level[i] >= level[zoomed] ?
		text + " \u00b7 " + percent(value[i], value[zoomed]) + " of zoomed" : text;
}
function showFacts() {
	var i = tipFor >= 0 ? tipFor : cursor >= 0 ? cursor : zoomed;
	facts.replaceChildren(make(HTML, "span", {}, functionOf(i) + "  "));
	if (placeOf(i)) facts.appendChild(make(HTML, "span", { "class": "dim" }, placeOf(i) + "  "));
	facts.appendChild(make(HTML, "span", {}, " \u2014 " + shares(i)));
}
function showTip(i, x, y) {
	var room = Math.min(480, svg.clientWidth - 16 || 464);
	tipFor = i;
	tip.replaceChildren(make(HTML, "b", {}, clip(functionOf(i))));
	if (kindOf(i)) tip.appendChild(make(HTML, "span", { "class": "dim" }, " " + kindOf(i)));
	if (placeOf(i)) tip.appendChild(make(HTML, "div", { "class": "dim" }, clip(placeOf(i))));
	shares(i).split(" \u00b7 ").forEach(function (line) {
		tip.appendChild(make(HTML, "div", { "class": "num" }, line));
	});
	tipBox.style.display = "";
	tipBox.setAttribute("width", room);
	tipBox.setAttribute("height", 900);
	var w = tip.offsetWidth, h = tip.offsetHeight;
	var most = window.scrollX + window.innerWidth - w - 12;
	var left = Math.max(window.scrollX + 8, Math.min(x + 14, most));
	var below = y + 18 + h < window.scrollY + window.innerHeight;
	tipBox.setAttribute("x", left);
	tipBox.setAttribute("y", below ? y + 18 : Math.max(y - h - 10, window.scrollY));
	tipBox.setAttribute("width", w + 12);
	tipBox.setAttribute("height", h + 12);
	showFacts();
}
function hideTip() {
	tipFor = -1;
	tipBox.style.display = "none";
	showFacts();
}
function clip(text) { return text.length > 300 ? text.slice(0, 300) + "\u2026" : text; }

// ---- search
function search(text) {
	var expression, named = new Map(), i, place;
	pattern = text;
	matches = null;
	if (!text) return;
	try {
		expression = new RegExp(text, "i");
	} catch (e) {
		expression = new RegExp(text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"), "i");
	}
	matches = new Uint8Array(count);
	for (i = 0; i < count; i++) {
		if (name[i] < 0) continue;
		if (!named.has(name[i])) {
			place = placeOf(i);
			named.set(name[i], expression.test(functionOf(i) + (place ? " (" + place + ")" : "")));
		}
		matches[i] = named.get(name[i]) ? 1 : 0;
	}
}

// Weight under at least one match, and how many frames match, within frame `of`.
function matchedIn(of) {
	var sum = 0, found = 0, covered = -1;
	for (var i = of; i < end[of]; i++) {
		if (!matches[i]) continue;
		found++;
		if (i >= covered) { sum += value[i]; covered = end[i]; }
	}
	return { sum: sum, found: found };
}
function showMatched() {
	matched.textContent = "";
	if (!matches) return;
	var all = matchedIn(0), here = matchedIn(zoomed);
	matched.textContent = percent(all.sum, value[0]) + " (" + grouped(all.found) + ")";
	matched.title = all.found + " frames match, " + percent(all.sum, value[0]) + " of all";
	if (zoomed) {
		matched.textContent = percent(here.sum, value[zoomed]) + " (" + grouped(here.found) + ")";
		matched.title = here.found + " frames match in the zoomed frame; " + matched.title;
	}
}

// ---- state, kept in the fragment of the address
function fragment() {
	var parts = [];
	if (zoomed) parts.push("zoom=" + zoomed);
	if (pattern) parts.push("search=" + encodeURIComponent(pattern));
	return parts.length ? "#" + parts.join("&") : "";
}
function remember(replace) {
	var to = fragment();
	if (to === location.hash) return;
	writing = true;
	try {
		history[replace ? "replaceState" : "pushState"](null, "",
			to || location.pathname + location.search);
	} catch (e) {
		location.hash = to;
	}
	writing = false;
}
function recall() {
	var zoom = /[#&]zoom=(\d+)/.exec(location.hash),
		text = /[#&]search=([^&]*)/.exec(location.hash), query = "";
	if (writing) return;
	zoomed = zoom && +zoom[1] < count ? +zoom[1] : 0;
	try { query = text ? decodeURIComponent(text[1]) : ""; } catch (e) { query = text[1]; }
	if (document.activeElement !== input) input.value = query;
	search(query);
	draw();
}
function zoomTo(i) {
	if (name[i] < ROOT) return;	// merged frames have nothing inside
	zoomed = i;
	if (cursor >= 0) cursor = i;
	hideTip();
	draw();
	show(i);
	remember(false);
}
function searchFor(text) {
	search(text);
	draw();
	remember(true);
}
function resetAll() {
	input.value = "";
	search("");
	cursor = -1;
	zoomTo(0);
}

// ---- keyboard
function showCursor() {
	if (cursorBox) cursorBox.remove();
	cursorBox = null;
	var at = rects.get(cursor);
	if (!at) return;
	cursorBox = make(SVG, "rect", { id: "cursor", x: at.x - 1, y: at.y - 1,
		width: Math.max(at.width + 1, 3), height: row + 1 });
	svg.insertBefore(cursorBox, headBox);
}
function moveCursor(key) {
	var at = rects.get(cursor), line, step = (key === "ArrowUp") === !data.inverted ? 1 : -1;
	if (!at) {
		cursor = zoomed;
	} else if (key === "ArrowLeft" || key === "ArrowRight") {
		line = shown[at.row];
		cursor = line[line.indexOf(cursor) + (key === "ArrowLeft" ? -1 : 1)];
		if (cursor === undefined) cursor = key === "ArrowLeft" ? line[0] : line[line.length - 1];
	} else if (step < 0) {
		cursor = parent[cursor] >= 0 && rects.has(parent[cursor]) ? parent[cursor] : cursor;
	} else {
		cursor = (shown[at.row + 1] || []).reduce(function (best, i) {
			return parent[i] === cursor && (best === cursor || value[i] > value[best]) ? i : best;
		}, cursor);
	}
	showCursor();
	showFacts();
	show(cursor);
}
// Scroll so far that the frame is in sight.
function show(i) {
	var at = rects.get(i);
	if (!at) return;
	if (at.y < window.scrollY + top) window.scrollTo(window.scrollX, at.y - top - 40);
	else if (at.y + row > window.scrollY + window.innerHeight)
		window.scrollTo(window.scrollX, at.y + row + 20 - window.innerHeight);
}
function toBestMatch() {
	var best = -1;
	rects.forEach(function (at, i) {
		if (matches && matches[i] && (best < 0 || value[i] > value[best])) best = i;
	});
	if (best < 0) return;
	frames.focus({ preventScroll: true });
	cursor = best;
	showCursor();
	showFacts();
	show(cursor);
}
function onKey(event) {
	var typing = document.activeElement === input;
	if (!typing && (event.key === "/" || event.key === "f" && (event.ctrlKey || event.metaKey))) {
		event.preventDefault();
		input.focus();
		input.select();
	} else if (event.key === "Escape") {
		event.preventDefault();
		if (typing) input.blur();
		hideTip();
		resetAll();
	} else if (typing) {
		if (event.key === "Enter") toBestMatch();
	} else if (event.ctrlKey || event.metaKey || event.altKey) {
		return;
	} else if (/^Arrow/.test(event.key)) {
		event.preventDefault();
		moveCursor(event.key);
	} else if (event.key === "Home") {
		event.preventDefault();
		cursor = zoomed;
		moveCursor("");
	} else if ((event.key === "Enter" || event.key === " ") &&
		   document.activeElement !== reset && rects.has(cursor)) {
		event.preventDefault();
		zoomTo(cursor === zoomed && zoomed ? parent[zoomed] : cursor);
	}
}

// ---- the page
function stick() {
	headBox.setAttribute("y", Math.max(window.scrollY, 0));
	headBox.setAttribute("x", Math.max(window.scrollX, 0));
}
function legend() {
	var box = make(HTML, "div", { id: "legend" });
	data.legend.forEach(function (entry) {
		box.append(make(HTML, "i", { style: "background:" + entry[1] }), make(HTML, "span", {}, entry[0]));
	});
	return box;
}
function build() {
	var names = make(HTML, "div", { "class": "names" }), tools = make(HTML, "div", { id: "tools" });
	var canvas = make(HTML, "canvas", {});
	pen = canvas.getContext && canvas.getContext("2d");
	if (pen) pen.font = "12px " + getComputedStyle(svg).fontFamily;
	[["heading", "heading"], ["sub", "subtitle"]].forEach(function (line) {
		var text = byId(line[1]);
		if (text) names.appendChild(make(HTML, "div", { "class": line[0] },
						 text.getAttribute("data-full")));
	});
	document.querySelectorAll(".still").forEach(function (node) { node.remove(); });
	names.appendChild(legend());
	input = make(HTML, "input", { type: "search", id: "search", placeholder: "Search  /",
		"aria-label": "Search frames",
		autocomplete: "off", spellcheck: "false" });
	matched = make(HTML, "span", { id: "matched", "aria-live": "polite" });
	reset = make(HTML, "button", { id: "reset", type: "button", title: "Esc" }, "Reset");
	facts = make(HTML, "div", { id: "facts", "aria-live": "polite" });
	head = make(HTML, "div", { id: "head" });
	tools.append(matched, input, reset);
	head.append(names, tools, facts);
	headBox = make(SVG, "foreignObject", { x: 0, y: 0, width: 300, height: 100 });
	headBox.appendChild(head);
	tip = make(HTML, "div", { id: "tip", role: "tooltip" });
	tipBox = make(SVG, "foreignObject", { x: 0, y: 0, width: 10, height: 10,
		style: "display:none;pointer-events:none" });
	tipBox.appendChild(tip);
	svg.append(headBox, tipBox);
	svg.setAttribute("class", "live");
	frames.setAttribute("tabindex", "0");
	frames.setAttribute("role", "group");
	frames.setAttribute("aria-label", "Flame graph: arrows move, Enter zooms, Escape resets, / searches");
}
function listen() {
	var drawn = windowWidth();
	frames.addEventListener("click", function (event) {
		if (event.target.frame !== undefined) zoomTo(event.target.frame);
	});
	frames.addEventListener("pointermove", function (event) {
		if (event.pointerType !== "touch" && event.target.frame !== undefined)
			showTip(event.target.frame, event.pageX, event.pageY);
	});
	frames.addEventListener("pointerleave", hideTip);
	input.addEventListener("input", function () { searchFor(input.value); });
	reset.addEventListener("click", resetAll);
	document.addEventListener("keydown", onKey);
	window.addEventListener("hashchange", recall);
	window.addEventListener("popstate", recall);
	window.addEventListener("scroll", stick, { passive: true });
	window.addEventListener("resize", function () {
		if (drawn !== windowWidth()) draw();
		drawn = windowWidth();
	});
}

decode();
build();
listen();
recall();
if (zoomed) show(zoomed);
else if (!data.inverted) window.scrollTo(0, svg.getAttribute("height"));
})();
