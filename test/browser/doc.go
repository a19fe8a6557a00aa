// Package browser holds the tests that look at the HTML report as its readers do: in a browser, on a wide
// and on a narrow screen, by day and by night.
//
// Its tests carry the build tag "integration", need a Chromium, and are skipped where there is none. They must
// never import the code that writes reports: they read the files that its tests hold it to.
package browser
