// The builder of a segment's rules. It writes the JSON that the textarea holds; without it the textarea still works.
(function () {
    "use strict";

    function element(tag, className, text) {
        const made = document.createElement(tag);
        if (className) made.className = className;
        if (text !== undefined) made.textContent = text;
        return made;
    }

    function select(options, value, label) {
        const made = element("select", "o-rule-input");
        made.setAttribute("aria-label", label);
        for (const [key, text] of options) {
            const option = element("option", "", text);
            option.value = key;
            option.selected = key === value;
            made.append(option);
        }
        return made;
    }

    function start(root) {
        const known = JSON.parse(root.querySelector("#rules-known").textContent);
        const text = root.querySelector("textarea");
        const place = root.querySelector("[data-builder]");
        const counter = root.querySelector("[data-count]");
        let rules = read();
        let waiting = 0;
        let asked = 0;

        function read() {
            try {
                const found = JSON.parse(text.value || "{}");
                return { match: found.match || "all", rules: Array.isArray(found.rules) ? found.rules : [] };
            } catch {
                return { match: "all", rules: [] };
            }
        }

        function changed(redraw) {
            text.value = JSON.stringify(rules);
            if (redraw) draw();
            window.clearTimeout(waiting);
            waiting = window.setTimeout(count, 350);
        }

        async function count() {
            const mine = ++asked;
            const token = document.querySelector("[name=csrfmiddlewaretoken]").value;
            const answer = await fetch(root.dataset.countUrl, {
                method: "POST", body: text.value, headers: { "X-CSRFToken": token, "Content-Type": "application/json" },
            });
            if (mine !== asked) return;
            const told = answer.ok ? await answer.json() : { error: "The count is not available." };
            counter.textContent = told.error || `${told.exact ? "" : "About "}${told.people.toLocaleString()} people fit now.`;
        }

        function draw() {
            place.replaceChildren(group(rules, null, 3));
        }

        function group(data, remove, levels) {
            const box = element("div", "o-rule-group");
            const head = element("div", "o-rule");
            const match = select([["all", "All of these"], ["any", "Any of these"], ["none", "None of these"]], data.match || "all", "How rules combine");
            match.addEventListener("change", () => { data.match = match.value; changed(false); });
            head.append(match);
            if (remove) head.append(button("Remove group", remove));
            box.append(head);
            data.rules.forEach((rule, place) => {
                const drop = () => { data.rules.splice(place, 1); changed(true); };
                box.append(rule.rules ? group(rule, drop, levels - 1) : line(rule, drop));
            });
            const foot = element("div", "o-rule");
            foot.append(button("Add rule", () => { data.rules.push({ field: "language", is: "one_of", value: [] }); changed(true); }));
            if (levels > 0) foot.append(button("Add group", () => { data.rules.push({ match: "any", rules: [] }); changed(true); }));
            box.append(foot);
            return box;
        }

        function line(rule, drop) {
            const row = element("div", "o-rule");
            const spec = known[rule.field] || known.language;
            const field = select(Object.entries(known).map(([key, one]) => [key, one.label]), rule.field, "Field");
            field.addEventListener("change", () => {
                rule.field = field.value;
                rule.is = Object.keys(known[rule.field].operators)[0];
                rule.value = empty(known[rule.field].kind);
                changed(true);
            });
            const operator = select(Object.entries(spec.operators), rule.is, "Comparison");
            operator.addEventListener("change", () => {
                const was = rule.is === "known";
                rule.is = operator.value;
                if (rule.is === "known") rule.value = true;
                else if (was) rule.value = empty(spec.kind);
                changed(true);
            });
            row.append(field, operator, value(rule, spec), button("Remove", drop));
            return row;
        }

        function empty(kind) {
            return { choice: [], number: 0, yesno: true, text: "", day: "" }[kind];
        }

        function value(rule, spec) {
            const kind = rule.is === "known" ? "yesno" : spec.kind;
            if (kind === "yesno") {
                const made = select([["true", "yes"], ["false", "no"]], String(rule.value), "Value");
                made.addEventListener("change", () => { rule.value = made.value === "true"; changed(false); });
                return made;
            }
            if (kind === "choice" && spec.choices) {
                const made = select(spec.choices, "", "Values");
                made.multiple = true;
                made.size = Math.min(5, spec.choices.length || 1);
                for (const option of made.options) option.selected = (rule.value || []).includes(option.value);
                made.addEventListener("change", () => { rule.value = Array.from(made.selectedOptions, (one) => one.value); changed(false); });
                return made;
            }
            const made = element("input", "o-rule-input");
            made.setAttribute("aria-label", "Value");
            made.type = { number: "number", day: "date" }[kind] || "text";
            if (kind === "choice") made.placeholder = "de, en";
            if (kind === "number") made.min = "0";
            made.value = kind === "choice" ? (rule.value || []).join(", ") : rule.value;
            made.addEventListener("input", () => {
                if (kind === "choice") rule.value = made.value.split(",").map((one) => one.trim()).filter(Boolean);
                else rule.value = kind === "number" ? Number.parseInt(made.value || "0", 10) : made.value;
                changed(false);
            });
            return made;
        }

        function button(label, act) {
            const made = element("button", "o-rule-button", label);
            made.type = "button";
            made.addEventListener("click", act);
            return made;
        }

        text.addEventListener("change", () => { rules = read(); changed(true); });
        changed(true);
    }

    document.addEventListener("DOMContentLoaded", () => document.querySelectorAll(".o-rules").forEach(start));
})();
